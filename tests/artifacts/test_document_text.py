"""Reading the text of a document as its row stood, while others write, and what that costs."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from artifacts.lifecycle import commands
from artifacts.lifecycle.writing import FOLD_CHARS
from artifacts.models import Artifact
from tests.support import documents
from tests.support.documents import row

pytestmark = pytest.mark.django_db


def test_text_is_exactly_as_long_as_the_row_says_although_a_fold_came_between():
    draft = documents.opened()
    draft.append("Once")
    read = Artifact.objects.defer("content").get(pk=draft.pk)

    draft.append("x" * FOLD_CHARS)

    assert row(draft.pk).content_length == FOLD_CHARS + 4
    assert read.text == "Once"


def test_text_of_the_old_epoch_is_told_although_a_new_one_has_begun():
    artifact = documents.complete("Old ", "text")
    read = Artifact.objects.defer("content").get(pk=artifact.pk)
    unfolded = documents.opened()
    unfolded.append("Behind the folded text")
    read_unfolded = row(unfolded.pk)

    commands.reset(artifact.pk, documents.sections(1), "")
    unfolded.stop()
    commands.reset(unfolded.pk, documents.sections(1), "")
    documents.reopened(artifact.pk).stop("New, and longer than the old text")

    assert read.text == "Old text"
    assert read_unfolded.text == "Behind the folded text"


def test_text_of_a_row_asks_only_for_what_was_not_loaded():
    folded, draft = documents.complete("Whole ", "text"), documents.opened()
    draft.append("Not folded")

    def cost(artifact: Artifact) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert artifact.text
        return len(queries)

    assert cost(row(folded.pk)) == 0
    assert cost(Artifact.objects.defer("content").get(pk=folded.pk)) == 1
    assert cost(row(draft.pk)) == 1
    assert cost(Artifact.objects.defer("content").get(pk=draft.pk)) == 2
