"""The app that knows documents: what is stored, who may see it, how it reaches a viewer."""

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from artifacts.operating.tracing import begin_tracing


class ArtifactsConfig(AppConfig):
    name = "artifacts"

    def ready(self) -> None:
        from artifacts import signals  # noqa: PLC0415  models exist only now
        from artifacts.accounts import own_sessions, sign_in_log  # noqa: PLC0415  as above

        if not hasattr(settings, "STREAMGEN_RELEASE"):
            line = 'INSTALLED_APPS = ["streamgen", *INSTALLED_APPS]'
            raise ImproperlyConfigured(f"The settings of documents lack their defaults. Add: {line}")
        signals.connect()
        own_sessions.connect()
        sign_in_log.connect()
        begin_tracing(settings.OTEL_EXPORTER_OTLP_ENDPOINT, settings.STREAMGEN_RELEASE)
