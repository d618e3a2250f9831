"""The borders of sections reach every place that shows a document, whatever was lost on the way."""

from __future__ import annotations

from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.test import Client

from artifacts.lifecycle import commands
from artifacts.lifecycle.state import section_starts
from artifacts.live.renderer import Renderer
from artifacts.live.replica import Replica
from artifacts.models import Artifact, ArtifactVersion
from artifacts.pages import export
from artifacts.pages.html import document_html, final_html, version_html
from artifacts.preview import render
from tests.artifacts.live.test_feed import OFTEN_S, DeafLayer, feeds, opened, write
from tests.artifacts.live.test_replica import Truth
from tests.support import documents
from tests.support.documents import row
from tests.support.watching import Watching

FIRST = "## S1\n\nClaim one[^1], [A][1].\n\n[1]: https://a.example/\n\n[^1]: Source A\n\n```py\nprint(1)"
SECOND = "\n\n## S2\n\nClaim two[^1], [B][1].\n\n[1]: https://b.example/\n\n[^1]: Source B"
WHOLE = render(FIRST + SECOND, [0, len(FIRST)])


def shown(watched: Any) -> str | None:
    page = watched.replica.page
    return "\n".join(page.fragments) if page and page.is_final else None


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("layer", [None, DeafLayer()], ids=["heard", "unheard"])
class TestFeed:
    async def test_border_is_known_before_the_text_behind_it_is_shown(self, layer: Any) -> None:
        draft, watcher = await opened(), Watching(shows_html=True)
        async with feeds(layer, poll_s=OFTEN_S) as all_feeds:
            watched = all_feeds.enter(draft.pk, watcher)
            await write(draft.append, FIRST[:40])
            await watcher.until(lambda: watched.replica.page and watched.replica.page.length == 40)
            await write(draft.end_section, 0, FIRST[40:])
            await write(draft.begin, 1)
            await write(draft.append, SECOND[:5])
            await watcher.until(lambda: watched.replica.page and watched.replica.page.length == len(FIRST) + 5)
            await write(draft.end_section, 1, SECOND[5:])
            await write(draft.complete)
            assert await watcher.until(lambda: shown(watched)) == WHOLE
            assert watched.replica.sections == (0, len(FIRST))
            await all_feeds.leave(watched, watcher)

    async def test_who_comes_late_or_after_the_end_sees_the_same(self, layer: Any) -> None:
        draft = await opened()
        await write(draft.end_section, 0, FIRST)
        await write(draft.begin, 1)
        await write(draft.append, SECOND[:30])
        watcher, late = Watching(shows_html=True), Watching(shows_html=True)
        async with feeds(layer, poll_s=OFTEN_S) as all_feeds:
            watched = all_feeds.enter(draft.pk, watcher)
            await watcher.until(lambda: watched.replica.page and watched.replica.page.length == len(FIRST) + 30)
            await write(draft.end_section, 1, SECOND[30:])
            await write(draft.complete)
            assert await watcher.until(lambda: shown(watched)) == WHOLE
            await all_feeds.leave(watched, watcher)
            after = all_feeds.enter(draft.pk, late)
            assert await late.until(lambda: shown(after)) == WHOLE
            await all_feeds.leave(after, late)

    async def test_section_that_is_taken_over_or_resumed_keeps_its_border(self, layer: Any) -> None:
        draft, watcher = await opened(), Watching(shows_html=True)
        async with feeds(layer, poll_s=OFTEN_S) as all_feeds:
            watched = all_feeds.enter(draft.pk, watcher)
            await write(draft.end_section, 0, FIRST)
            await write(draft.begin, 1)
            await write(draft.stop, SECOND[:30])
            await write(commands.resume, draft.pk)
            again = await database_sync_to_async(documents.reopened)(draft.pk)
            await write(again.begin, 1)
            await write(again.end_section, 1, SECOND[30:])
            await write(again.complete)
            assert await watcher.until(lambda: shown(watched)) == WHOLE
            assert watched.replica.sections == (0, len(FIRST))
            await all_feeds.leave(watched, watcher)

    async def test_new_epoch_has_its_own_borders_and_a_restored_one_its_old_ones(self, layer: Any) -> None:
        draft, watcher = await opened(), Watching(shows_html=True)
        await write(draft.end_section, 0, FIRST)
        await write(draft.begin, 1)
        await write(draft.end_section, 1, SECOND)
        await write(draft.complete)
        async with feeds(layer, poll_s=OFTEN_S) as all_feeds:
            watched = all_feeds.enter(draft.pk, watcher)
            await watcher.until(lambda: shown(watched) == WHOLE)
            await write(commands.reset, draft.pk, documents.sections(1), "")
            await watcher.until(lambda: watched.replica.epoch == 2)
            assert watched.replica.sections == ()
            new = await database_sync_to_async(documents.reopened)(draft.pk)
            await write(new.finish, "Short.")
            await watcher.until(lambda: shown(watched) == "<p>Short.</p>")
            old = await database_sync_to_async(lambda: ArtifactVersion.objects.get(artifact=draft.pk, epoch=1).pk)()
            await write(commands.restore, draft.pk, old)
            await watcher.until(lambda: watched.replica.epoch == 3)
            assert await watcher.until(lambda: shown(watched)) == WHOLE
            await all_feeds.leave(watched, watcher)


@pytest.mark.asyncio
async def test_border_that_comes_to_light_late_renders_the_page_anew() -> None:
    """A process of an earlier version wrote without saying where its section begins."""
    truth, replica, watcher = Truth(text=FIRST + SECOND), Replica(1), Watching()
    replica.apply_snapshot(truth.look(replica))
    renderer = Renderer(replica, interval_s=0.0, on_page=watcher.news.set)
    renderer.news.set()
    page = await watcher.until(lambda: replica.page)
    replica.sections = (0, len(FIRST))
    truth.end()
    replica.apply_snapshot(truth.look(replica))
    renderer.news.set()
    await watcher.until(lambda: page.is_final)
    assert "\n".join(page.fragments) == WHOLE
    renderer.stop()


@pytest.mark.django_db
class TestAtRest:
    def test_page_export_admin_and_version_show_each_section_as_it_is_alone(self, admin_client: Client) -> None:
        artifact = documents.complete(FIRST, SECOND)
        assert section_starts(artifact) == (0, len(FIRST))
        assert document_html(artifact) == final_html(artifact) == WHOLE
        assert 'href="https://b.example/"' in export.html(artifact).decode()
        assert "Source B" in admin_client.get(f"/admin/artifacts/artifact/{artifact.pk}/change/").content.decode()
        commands.reset(artifact.pk, documents.sections(1), "")
        version = ArtifactVersion.objects.get(artifact=artifact)
        assert version_html(version) == WHOLE
        assert section_starts(artifact) == (0, len(FIRST)), "of the text of its epoch, though a newer one began"
        assert section_starts(row(artifact.pk)) == ()

    def test_document_that_grows_is_shown_in_its_sections(self) -> None:
        draft = documents.opened()
        draft.begin(0)
        draft.end_section(0, FIRST)
        draft.begin(1)
        draft.append(SECOND[:30])
        assert "<h2" in document_html(row(draft.pk)).split("</pre>")[-1]

    def test_markdown_export_tells_labels_apart_and_the_text_stays_exact(self) -> None:
        artifact = documents.complete(f"{FIRST}\n```", SECOND)
        text = export.markdown(artifact).decode()
        assert artifact.text == f"{FIRST}\n```{SECOND}"
        assert text.startswith(f"{FIRST}\n```")
        html = render(text)
        assert html.count('href="https://b.example/"') == html.count('href="https://a.example/"') == 1
        assert html.count("Source A") == html.count("Source B") == 1

    def test_markdown_export_of_a_text_without_a_clash_is_exact(self) -> None:
        artifact: Artifact = documents.complete("## A\r\n\r\na[^1]\n\n[^1]: x", "\n\n## B\n\n- [ ] b")
        assert export.markdown(artifact) == artifact.text.encode()
