"""The locked row: it saves what was set on it, all of that and nothing else, and is known only while it is saved."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.db.models.signals import post_save

from artifacts.errors import NotFound
from artifacts.lifecycle.rows import lock, saved_now
from artifacts.models import Artifact
from tests.support import documents

pytestmark = pytest.mark.django_db


def test_write_saves_all_that_was_set_and_nothing_that_was_only_assigned():
    pk = documents.idle().pk

    with transaction.atomic():
        locked = lock(pk)
        locked.set(tokens_generated=7)
        locked.set(last_error="It broke.")
        locked.artifact.current_section = "assigned, not set"
        result = locked.write()

    saved = documents.row(pk)
    assert (saved.tokens_generated, saved.last_error, saved.current_section) == (7, "It broke.", "")
    assert result.seq == saved.seq == 1


def test_unseen_write_is_no_committed_write():
    before = documents.idle()

    with transaction.atomic():
        locked = lock(before.pk)
        locked.set(preview_html="<p>")
        result = locked.write(is_seen=False)

    saved = documents.row(before.pk)
    assert (saved.preview_html, saved.seq, saved.updated_at) == ("<p>", 0, before.updated_at)
    assert result.seq == 0


def test_what_is_no_column_cannot_be_set():
    pk = documents.idle().pk

    with transaction.atomic():
        locked = lock(pk)
        locked.set(tokens_generatd=7)
        with pytest.raises(ValueError, match="tokens_generatd"):
            locked.write()


def test_row_under_way_is_known_to_receivers_of_its_own_save_only():
    known = {}

    def receive(instance: Artifact, **kwargs: object) -> None:
        known[instance.pk] = saved_now.get()

    pk = documents.idle().pk
    post_save.connect(receive, sender=Artifact)
    try:
        other = documents.idle()
        with transaction.atomic():
            locked = lock(pk)
            locked.set(tokens_generated=7)
            locked.write()
    finally:
        post_save.disconnect(receive, sender=Artifact)

    assert known == {other.pk: None, pk: locked}
    assert saved_now.get() is None


def test_missing_document_is_not_found():
    with pytest.raises(NotFound), transaction.atomic():
        lock(0)
