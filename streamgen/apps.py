"""The app that brings it together in whichever project: settings that nobody set have their defaults first."""

from django.apps import AppConfig
from django.conf import settings
from django.core import checks

from streamgen.embedding.defaults import fill_in

fill_in(settings)


class StreamgenConfig(AppConfig):
    name = "streamgen"

    def ready(self) -> None:
        from streamgen.embedding.checks import check_project  # noqa: PLC0415  apps exist only now
        from streamgen.operating import patient_migrations  # noqa: PLC0415  as above

        checks.register(check_project)
        patient_migrations.connect()
