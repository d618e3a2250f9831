"""The settings of the site. What differs between installations comes from the environment, through `env`; what any
project needs for documents is in `embedding.defaults`. `docs/settings.md` has the table.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF

from streamgen import env
from streamgen.embedding.defaults import *
from streamgen.private_files import private_database

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = BASE_DIR / "var"

# Who we are, and who may call
DEBUG = env.flag("DEBUG")
REDIS_URL = env.url("REDIS_URL", ("redis", "rediss", "unix"))
SECRET_KEY = env.secret_key(
    "SECRET_KEY",
    DATA_DIR / "secret-key",
    required=bool(REDIS_URL) or env.text("DATABASE_URL").lower().startswith("postgres"),
)
PUBLIC_URL = env.public("PUBLIC_URL")
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", [] if PUBLIC_URL else ["localhost", "127.0.0.1", "[::1]"])
if PUBLIC_URL and PUBLIC_URL.host not in ALLOWED_HOSTS:
    ALLOWED_HOSTS = [*ALLOWED_HOSTS, PUBLIC_URL.host]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL.origin] if PUBLIC_URL else []
_PREFIX = PUBLIC_URL.prefix if PUBLIC_URL else ""
FORCE_SCRIPT_NAME = _PREFIX or None

# The rooms of the house; Daphne's and generation stand first because they replace `runserver` and `runworker`
INSTALLED_APPS = [
    "streamgen.server.runserver.RunserverConfig",
    "streamgen",
    "generation",
    "artifacts",
    "channels",
    "csp",
    "axes",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "streamgen.server.changed_files.ChangedFilesMiddleware",
    "streamgen.operating.access_log.access_log",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "streamgen.urls"
ASGI_APPLICATION = "streamgen.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# What is stored
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": env.database("DATABASE_URL", DATA_DIR / "streamgen.sqlite3")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    private_database(Path(str(DATABASES["default"]["NAME"])))
    DATABASES["default"] |= {
        "ENGINE": "streamgen.sqlite3",
        # Opening the file and closing it, which folds the log into it, costs about half as much as a flush itself.
        "CONN_MAX_AGE": None,
        # SQLite has no row locks: a transaction that will write takes the write lock at its beginning and others wait.
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # A row is written whole: the 2 MB that are kept by itself are less than that of a document of 1 MB with its
            # preview, and each of its flushes read all of it again (7.4 ms of CPU at 3 MB of text, and 1.7 with 16 MB).
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-16384;",
        },
        # A file, because two connections to an in-memory database refuse each other instead of waiting.
        "TEST": {"NAME": env.text("STREAMGEN_TEST_DB") or DATA_DIR / "test.sqlite3"},
    }
else:
    # Connections go back to the pool after each unit of work: none is held while a model writes.
    DATABASES["default"] |= {
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,  # a connection that the server closed meanwhile is replaced, not handed out
        "OPTIONS": {
            "connect_timeout": 5,
            # A server that vanished without a word is noticed within about 10 s, whether we wait for it or send to it.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
            # A process frozen inside a transaction would keep its row locked for ever. Half a lease: whoever waits for
            # that row has time to renew its own leases afterwards.
            "options": f"-c idle_in_transaction_session_timeout={max(2_500, int(STREAMGEN_LEASE_SECONDS * 500))}",
        }
        | DATABASES["default"]["OPTIONS"]
        # The pool by itself waits ever longer before it tries an absent server again; our own retries are quicker.
        | {"pool": {"min_size": 1, "max_size": 12, "timeout": 2, "reconnect_timeout": 1}},
    }
    if env.one_of("DATABASE_POOLER", ("", "transaction"), ""):
        # Such a pooler refuses what a connection asks for at its start, and a session is not the same one for long.
        DATABASES["default"]["OPTIONS"].pop("options", None)
        DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = True

# Messages between processes are hints; the in-memory layer serves the one-process mode
CHANNEL_LAYERS: dict[str, dict[str, object]] = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_connect_timeout": 2, "health_check_interval": 10}]},
    }
    if REDIS_URL
    else {"BACKEND": "artifacts.messaging.memory.MemoryLayer", "CONFIG": {"capacity": 1_000}}
}

# People
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "artifacts:projects"
LOGOUT_REDIRECT_URL = "sign-in"
PASSWORD_RESET_TIMEOUT = 900  # seconds; a one-time sign-in link lives as long
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_HANDLER = "artifacts.accounts.sign_in_limits.CountedSignIns"
AXES_CLIENT_IP_CALLABLE = "artifacts.accounts.sign_in_limits.client_address"
AXES_LOCKOUT_CALLABLE = "streamgen.people.sign_in_views.too_many_sign_ins"
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]  # each by itself, as the handler expects
AXES_FAILURE_LIMIT = 5  # ACCOUNT_FAILURES of the handler
AXES_COOLOFF_TIME = timedelta(minutes=1)  # its WINDOW
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # else whoever goes on trying locks somebody out for good
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# Safety
# Django asks for 50 characters, but 32 random ones are enough; what has few different ones was typed, and is warned of.
SILENCED_SYSTEM_CHECKS = ["security.W009"] if len(set(SECRET_KEY)) >= 8 else []
if PUBLIC_URL and PUBLIC_URL.is_secure:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_SSL_HOST = PUBLIC_URL.netloc
    SECURE_HSTS_SECONDS = 30 * 86_400
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    # HSTS is for this host. Whether its subdomains have TLS, and whether browsers ship its name, is not ours to say.
    SILENCED_SYSTEM_CHECKS += ["security.W005", "security.W021"]
SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{_PREFIX}/"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "streamgen.refusals.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 4_000_000  # bytes; a larger body is 413

# Words, time, files
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = f"{_PREFIX}/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = BASE_DIR / "staticfiles"
SERVESTATIC_USE_FINDERS = True
SERVESTATIC_AUTOREFRESH = DEBUG

LOG_LEVEL = env.one_of("LOG_LEVEL", ("debug", "info", "warning", "error"), "debug" if DEBUG else "info").upper()
LOG_FORMAT = env.one_of("LOG_FORMAT", ("text", "json"), "text")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "streamgen.logs.JsonLine" if LOG_FORMAT == "json" else "streamgen.logs.TextLine"},
    },
    "filters": {
        "layer_outage": {"()": "streamgen.logs.LayerOutage"},
        "one_line": {"()": "streamgen.logs.OneLine"},
        "uvicorn": {"()": "streamgen.logs.UvicornLine"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "artifacts": {"level": LOG_LEVEL},
        "generation": {"level": LOG_LEVEL},
        "streamgen": {"level": LOG_LEVEL},
        "axes": {"level": "ERROR"},  # `artifacts.accounts.sign_in_log` says it in one line
        # Its receiver logs a traceback a second while Redis is away, and goes on.
        "channels_redis.pubsub": {"filters": ["layer_outage"]},
        "uvicorn.error": {"filters": ["uvicorn"]},
        # Servers' own access logs name the secrets that stand in addresses; `streamgen.access` does not.
        "uvicorn.access": {"level": "WARNING"},
        # What is refused is answered with 400; nothing broke.
        **{
            f"django.security.{name}": {"filters": ["one_line"]}
            for name in ("DisallowedHost", "SuspiciousOperation", "TooManyFieldsSent", "TooManyFilesSent")
        },
        "psycopg.pool": {"level": "ERROR"},  # it warns at each attempt; our own line says that the server is gone
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        "django.request": {"level": "ERROR"},  # a refused command is an answer, not an event
    },
}
