"""The app that brings it together in whichever project: settings that nobody set have their defaults first."""

from django.apps import AppConfig, apps
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from streamgen.embedding.defaults import fill_in

fill_in(settings)


class StreamgenConfig(AppConfig):
    name = "streamgen"

    def import_models(self) -> None:
        """Django would fail later, with words that tell nobody what to add."""
        if not apps.is_installed("artifacts"):
            raise ImproperlyConfigured(
                'Documents are not installed. Add: INSTALLED_APPS += ["generation", "artifacts"]'
            )
        super().import_models()

    def ready(self) -> None:
        from streamgen.embedding.checks import check_project  # noqa: PLC0415  apps exist only now
        from streamgen.operating import patient_migrations  # noqa: PLC0415  as above

        checks.register(check_project)
        patient_migrations.connect()
