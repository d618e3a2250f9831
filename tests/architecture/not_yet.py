"""What is not as `house` wants it yet, each with what it should become. These lists only get shorter: what is cured is
taken out, and nothing comes in.
"""

from __future__ import annotations

AGAINST_THE_ORDER: set[tuple[str, str]] = {
    # Lines of a block ask where a comment or a formula begins: both belong to `block`, below `inline`.
    ("artifacts.preview.block.open_blocks", "artifacts.preview.inline.comments"),
    ("artifacts.preview.block.reader", "artifacts.preview.inline.math"),
    ("artifacts.preview.block.tree", "artifacts.preview.inline.math"),
}

LARGE_FOLDERS: dict[str, int] = {
    "tests/faults": 26,  # the scenarios into a folder of their own
    "tests/support": 18,  # the endpoints into a folder of their own
}

SAID_BY_NOBODY_ELSE: dict[str, str] = {
    "Body": "api: Request; section_text: SectionBody",
    "Choice": "ChosenProvider",
    "Cursor.look": "Cursor.peek",
    "Dialect.body": "Dialect.request_body",
    "Dialect.look": "Dialect.probe",
    "Guard": "CancelScope",
    "Intake": "StreamJoiner",
    "KeptAnswer.see": "KeptAnswer.apply",
    "Look": "claims: ArtifactHead; replica: Snapshot",
    "Reading": "TextEnd",
    "Standing": "WriteResult",
    "choice": "one_of",
    "look": "claims: heads",
    "orders": "start_forms",
    "standing": "status_line",
}
"""Modules, classes, functions, and methods as `Class.method`: what they are called today -> what anybody would say."""

DEFINED_TWICE: dict[str, str] = {
    "Answer": "pages/views: Outcome of a verb -> Done; openai_compatible/answer: stays",
    "Body": "pages/api: Request; dialects: RequestBody; section_text: SectionBody",
    "CHARS_PER_TOKEN": "one, in providers/base; turns and scripted import it",
    "Call": "scripted: ScriptedCall; turns: CallDelivery",
    "Choice": "providers: ChosenProvider; answer/choices: AnswerChoice",
    "Continuation": "dialects: ContinuationSetting; turns: stays",
    "Cursor": "live/viewer: stays; block/cursor: LineCursor",
    "Delta": "live/protocol: DeltaFrame (and SnapshotFrame, PreviewFrame, ...); models: stays",
    "ERROR_CHARS": "admin: LIST_ERROR_CHARS; lifecycle/state: SHOWN_ERROR_CHARS",
    "HEAD_CHARS": "local: PROMPT_HEAD_CHARS; seams/copies: ANSWER_HEAD_CHARS",
    "Json": "one, in openai_compatible/answer/shapes; wire imports it",
    "LONG_CHARS": "answer/growing: LONG_TEXT_CHARS; seams/copies: LONG_REPETITION_CHARS",
    "LOOK_S": "scaled: CHILD_POLL_S; follow: FOLLOW_POLL_S; client: MODEL_LIST_S; supervisor: HEAD_POLL_S",
    "MARKS": "answer/marks: THINKING_MARKS; seams/folding: MARKDOWN_MARKS",
    "MIN_TOKENS": "one, in dialects; wire imports it",
    "MOST_LESSONS": "client: CHAT_LESSONS; kept_calls: ANSWER_LESSONS",
    "MOST_TOKENS": "one, in answer/shapes; kept_answer imports it",
    "PREFACE_CHARS": "markdown/fences: FENCE_PREFACE_CHARS; seams/copies: COPY_PREFACE_CHARS",
    "ROLE": "answer/marks: ROLE_MARK; prompts: SYSTEM_ROLE",
    "Response": "one, in openai_compatible/connections; client and kept_calls import it",
    "SETTLE_S": "local: SERVER_SETTLE_S; supervisor: OUTAGE_SETTLE_S",
    "START_S": "scaled: CHILD_START_S; local: MODEL_START_S",
    "STEP_CHARS": "inline: INLINE_STEP_CHARS; sanitise: SANITISE_STEP_CHARS",
    "Scope": "engine: RenderScope; tokens: ReferenceScope",
    "TAIL_CHARS": "local: PROMPT_TAIL_CHARS; copies: COMPARED_CHARS; prompts: SHOWN_TAIL_CHARS; preview/limits: stays",
    "WAITING": "kept_answer: WAITING_STATUSES; pages/labels: WAITING_LABEL",
    "Writer": "worker/writer: stays; preview/serializer: TokenWriter",
    "database": "env: stays; doctor: check_database",
    "phase": "templatetags: phase_of_artifact; validation: phase_key",
    "secret_key": "env: stays; doctor: check_secret_key",
    "write_section": "scripted: scripted_section; writing/sections: stays",
}
"""Public names that several modules define -> which becomes what."""

DIFFER_IN_AN_UNDERSCORE: dict[str, str] = {
    "Ending": "continuation: Verdict of a turn; live: SocketEnding",
    "Place": "markdown/places: stays; copies: _Match; unique_labels: _Label",
    "Reading": "copies: TextEnd; kept_calls: _AnswerStream",
    "Section": "models: stays; preview/live: _SectionPreview",
    "State": "lifecycle/state: stays; thoughts: _Mode",
}

FUNCTIONS_A_DELTA_PASSES = 90
"""From the bytes of the provider to the frame of a viewer: 75, of which 23 read the wire, and up to 7 that already ask
for the next piece. The goal is 30 without the wire.
"""

HELPERS_DEFINED_TWICE: dict[str, str] = {
    "AWAY_S": "outages: DATABASE_AWAY_S; patience: ENDPOINT_AWAY_S",
    "BY_NAME": "architecture/source: stays; faults/__main__: SCENARIO_OF",
    "DOCUMENTS": "preview/inputs/corpus: CORPUS; faults/sizes: DOCUMENTS_A_RUN",
    "LEASE_S": "one in support/documents; the fault suite's and the author's say whose: RUN_LEASE_S, AUTHOR_LEASE_S",
    "LOOK_S": "POLL_S, one in the fault suite (waiting) and one in support/workbench: FAULTS_POLL_S, POLL_S",
    "Line": "faults/result: TableRow; support/line: Socket, in support/sockets",
    "POINTS": "doomed: stays; background: MOMENTS",
    "READY_S": "processes: PROCESS_READY_S; servers and redis_server share SERVER_READY_S",
    "START_S": "browser/conftest: BROWSER_START_S; support/servers: stays",
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

JUDGED_BY_THE_CLOCK: dict[str, str] = {
    "test_a_wake_starts_a_task_at_once": "a worker that fills its slots seldom: then only the wake can have started it",
    "test_cancel_closes_the_call_and_keeps_every_word_within_half_a_second": "the endpoint had most of its text left",
    "test_without_a_script_what_is_said_of_the_time_stays_true": "the time on the page is that of the row",
}
"""Tests -> what they could look at instead."""
