"""The rules of the house as data: the order of the rooms, who may do what, and what is not as it should be yet.

Nothing here is computed: whoever moves a room or breaks a rule on purpose edits this file.
"""

from __future__ import annotations

# From the ground up: a module imports from its own place and from those above it in this list, never from those below.
# A place is a room or a file; a file belongs to the longest name that fits.

ORDER = (
    "artifacts.preview.limits",
    "artifacts.preview.collector",
    "artifacts.preview.block",
    "artifacts.preview.inline",
    "artifacts.preview.ending",
    "artifacts.preview",
    "artifacts.errors",
    "artifacts.operating.outages",
    "artifacts.operating.counts",
    "artifacts.operating.log_context",
    "artifacts.operating.tracing",
    "artifacts.answer_place",
    "artifacts.validation",
    "artifacts.costs",
    "artifacts.reasons",
    "artifacts.planned_section",
    "artifacts.document_text",
    "artifacts.models",
    "artifacts.written_pieces",
    "artifacts.access",
    "artifacts.sharing.records",
    "artifacts.webhooks",
    "artifacts.lifecycle",
    "artifacts.messaging",
    "artifacts.operating",
    "artifacts.signals",
    "artifacts.accounts",
    "artifacts.sharing",
    "artifacts.exports",
    "artifacts.live",
    "artifacts.replay",
    "artifacts.live.consumer",  # it shows replays, too
    "artifacts.streams",
    "artifacts.pages",
    "artifacts.templatetags",
    "artifacts",  # admin, apps, routing, urls
    "generation.errors",
    "generation.reasons",
    "generation.models",
    "generation.markdown",
    "generation.seams",
    "generation.providers.base",
    "generation.providers.openai_compatible.filters",
    "generation.providers.openai_compatible.phrases",
    "generation.providers.openai_compatible.call_errors",
    "generation.providers.openai_compatible.dialects",
    "generation.providers.openai_compatible.connections",
    "generation.providers.openai_compatible.answer",
    "generation.providers.openai_compatible.heaps",
    "generation.providers.openai_compatible.responses",
    "generation.providers.openai_compatible",
    "generation.providers.local",
    "generation.providers.scripted",
    "generation.providers",  # the choice of one
    "generation.writing",
    "generation.server_model",
    "generation.costs",
    "generation.inspection.journal",
    "generation.inspection.redaction",
    "generation.inspection.keeping",
    "generation.queue",
    "generation.earlier_documents",
    "generation.surroundings",
    "generation.waiting",
    "generation.inspection",
    "generation.control",
    "generation.project_runs",
    "generation.reworking",  # people's verbs: they know the queue and no worker
    "generation.worker",
    "generation.cli",
    "generation.pages",
    "generation.templatetags",
    "generation.management.commands",
    "generation",  # admin, apps, urls
    "streamgen.client",  # knows nothing of those above
    "streamgen.cli",
    "streamgen.private_files",
    "streamgen.sqlite3",
    "streamgen.public_url",
    "streamgen.env",
    "streamgen.embedding.defaults",
    "streamgen.embedding.place",
    "streamgen.contract",
    "streamgen.conformance",  # asks from outside, and knows the contract alone
    "streamgen.problems",
    "streamgen.refusals",
    "streamgen.api_calls.openapi",
    "streamgen.api_calls",
    "streamgen.operating",
    "streamgen.server",
    "streamgen.people",
    "streamgen.agents",
    "streamgen",  # settings, urls, api, asgi, logs
    "streamgen.embedding",  # for projects that have documents beside their own
    "streamgen.apps",
    "streamgen.management.commands",
)

# What pure files do without. `asyncio` is no I/O, but whoever awaits has state that waits: only what must may know it.

IO = {
    *("django", "channels", "asgiref", "openai", "httpx", "httpx2", "httpcore2", "aiohttp", "requests", "urllib3"),
    *("websockets", "twisted", "daphne", "psycopg", "redis", "sqlite3"),
    *("socket", "ssl", "subprocess", "os", "pathlib", "tempfile"),
}
LOADS_NONE_OF = {"django", "channels", "asgiref", "openai", "httpx", "httpx2", "aiohttp", "twisted", "psycopg", "redis"}
AWAITING = ("generation.writing", "generation.providers.scripted")
CLOCKS = {"time", "datetime", "random", "secrets", "uuid"}
"""Pure files take these as arguments: they may name a function of them as a default, and not call one."""

# Libraries that few places know.

KNOWN_TO = {
    "openai": ("generation.providers.openai_compatible",),
    "httpx2": ("generation.providers.openai_compatible", "streamgen.client", "streamgen.conformance"),
    "httpcore2": ("generation.providers.openai_compatible.network",),
    "bleach": ("artifacts.preview.sanitise",),
    "markdown": ("artifacts.preview.engine",),
    "xllamacpp": ("generation.providers.local",),
    "docx": ("artifacts.exports.word",),
    "cryptography": ("artifacts.accounts.receipts",),
    "typst": ("artifacts.exports.making",),
    "rich": ("generation.cli.terminal",),
    "axes": ("artifacts.accounts.sign_in_limits",),
    "opentelemetry": ("artifacts.operating.tracing",),
    "channels_redis": (),
    "prometheus_client": ("artifacts.operating.exposition", "streamgen.operating.metrics"),
}

# Who writes, who broadcasts.

LIFECYCLE = "artifacts.lifecycle"
READS_ONLY = (
    "artifacts.lifecycle.state",
    "artifacts.lifecycle.transitions",
    "artifacts.lifecycle.rows",
    "artifacts.lifecycle.placed_sections",
    "artifacts.lifecycle.freshness",
)
STREAMING_FIELDS = {
    *("stream_status", "stop_requested", "last_error", "content_length", "preview_html", "preview_length", "fence"),
    *("lease_until", "current_section", "sections_completed", "sections_total", "tokens_generated"),
}
USES_THE_VERBS = (
    "generation.worker.writer",
    "generation.worker.group_commit",
    "generation.worker.preview_saver",
    "generation.queue",
    "generation.control",
    "generation.reworking",
    "streamgen.management.commands.prune",
    "artifacts.replay.packer",
)
BROADCASTS = "artifacts.signals"

# How files look.

LINES = 450
MODULES_A_FOLDER = 14
SAYS_NOTHING = {"helper", "helpers", "util", "utils", "manager", "managers", "stuff"}
ONLY_THE_AUTHOR_KNOWS = {
    *("bell", "host", "exits", "intake", "body", "guard", "guards", "orders", "moves", "reading", "wording"),
    *("look", "glance", "glanced", "hear", "see", "standing", "choice"),
}

OF_THE_FIELD = {
    "JsonParser.parse_body": "django-ninja calls it",
    "BadBody": "the body of an HTTP request",
    "RequestBody": "the body of an HTTP request",
    "BoundedBodies": "the bodies of HTTP requests",
    "request_body": "the body of an HTTP request",
    "Dialect.request_body": "the body of an HTTP request",
    "_body": "the body of an HTTP request",
    "_body_of": "the body of an HTTP answer",
    "_WordBody": "the body of a file for Word",
    "host_of": "the host in an address",
    "_host": "the host in an address",
    "_is_of_a_host": "a project that hosts documents, as docs/embed.md says",
    "_Transport.pause_reading": "asyncio's transports have it",
    "_Transport.resume_reading": "asyncio's transports have it",
    "Answer._choice": "what the OpenAI API calls one of several answers",
    "_choice": "a value of a field and its label, as Django has them",
    "may_see": "a permission",
}
"""Names in which one of those words means what everybody means by it."""

# Names that several files may define.

CONVENTIONS = {
    "Command": "Django finds a command by it",
    "urlpatterns": "Django finds the addresses by it",
    "app_name": "Django finds the namespace of addresses by it",
    "register": "Django finds a library of template tags by it",
    "connect": "an app that is ready connects its signals by it",
    "logger": "every file has its own",
    "T": "a type variable",
    "current": "the running loop's own one, always asked for by its module's name",
}
ENDPOINTS = (
    *(
        "artifacts.pages.api",
        "artifacts.pages.versions_api",
        "artifacts.pages.views",
        "artifacts.pages.versions",
        "artifacts.admin",
    ),
    *("artifacts.pages.sharing_api", "artifacts.pages.sharing", "artifacts.pages.profile"),
    *(
        "generation.pages.reworking_api",
        "generation.pages.reworking_views",
        "generation.pages.api",
        "generation.pages.views",
        "generation.admin",
    ),
)
"""A page, an operation of the API, an action of the admin: called as what it shows, or as the verb that it calls."""
SAME_ACT = {"restore", "resume", "delete"}
"""Verbs of `generation.control` that are called as the verb of `artifacts.lifecycle` by which they are done."""
