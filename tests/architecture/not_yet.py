"""What is not as `house` wants it yet, each with what it should become. These lists only get shorter: what is cured is
taken out, and nothing comes in.
"""

from __future__ import annotations

AGAINST_THE_ORDER: set[tuple[str, str]] = set()

LARGE_FOLDERS: dict[str, int] = {
    "tests/faults": 26,  # the scenarios into a folder of their own
    "tests/support": 18,  # the endpoints into a folder of their own
}

SAID_BY_NOBODY_ELSE: dict[str, str] = {}
"""Modules, classes, functions, and methods as `Class.method`: what they are called today -> what anybody would say."""

DEFINED_TWICE: dict[str, str] = {}
"""Public names that several modules define -> which becomes what."""

DIFFER_IN_AN_UNDERSCORE: dict[str, str] = {}

FUNCTIONS_A_DELTA_PASSES = 100
"""From the bytes of the provider to the frame of a viewer: about 85, of which 30 read the wire, and up to 15 that
already ask for the next piece. The goal is 30 without the wire.
"""

HELPERS_DEFINED_TWICE: dict[str, str] = {
    "AWAY_S": "outages: DATABASE_AWAY_S; patience: ENDPOINT_AWAY_S",
    "BY_NAME": "architecture/source: stays; faults/__main__: SCENARIO_OF",
    "DOCUMENTS": "preview/inputs/corpus: CORPUS; faults/sizes: DOCUMENTS_A_RUN",
    "LEASE_S": "one in support/documents; the fault suite's and the author's say whose: RUN_LEASE_S, AUTHOR_LEASE_S",
    "Line": "faults/result: TableRow; support/line: Socket, in support/sockets",
    "POINTS": "doomed: stays; background: MOMENTS",
    "READY_S": "processes: PROCESS_READY_S; servers and redis_server share SERVER_READY_S",
    "Seen": "preview/oracles/flicker: Shown; faults/bots: FrameLog",
    "Verdict": "checker: stays; proxy: Fate",
    "WAIT_S": "one in support/watching for all of support",
    "complete": "browser/author: completed_document; support/documents: stays",
    "document": "openai_raw: json_document; workbench: text_of_sections",
    "faults": "preview/oracles/safety: safety_faults; provider_faults: endpoint_faults",
    "project": "browser/author: new_project; conftest: stays",
    "read": "architecture/source: modules_in; preview/inputs/corpus: read_document",
    "run": "doomed: run_doomed; support/commands: run_command",
    "serving": "openai_server: serving_endpoint; support/servers: serving_product",
    "start": "browser/author: start_writing; faults/processes: start_process; workbench: stays",
    "table": "faults/result: results_table; support/large: markdown_table",
    "until": "faults/waiting: stays; workbench: until_artifact",
}

REPLACES_OURS: dict[str, str] = {
    "tests/stories/conftest.py": "the limit of a section's tokens, so that two sections have 1 MB",
    "tests/stories/workerless.py": "the setting of the process that `up --no-worker` sets too",
}
"""Tests' files -> what of ours they set."""

JUDGED_BY_THE_CLOCK: dict[str, str] = {
    "test_a_wake_starts_a_task_at_once": "a worker that fills its slots seldom: then only the wake can have started it",
    "test_cancel_closes_the_call_soon_and_keeps_every_word": "the endpoint had most of its text left",
    "test_without_a_script_what_is_said_of_the_time_stays_true": "the time on the page is that of the row",
}
"""Tests -> what they could look at instead."""
