"""The app that writes documents: tasks, workers, providers. It uses artifacts and is never used by it."""

import atexit

from django.apps import AppConfig, apps
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from artifacts.operating.shutdown import close_pools
from generation.costs.price_file import check_prices


class GenerationConfig(AppConfig):
    name = "generation"

    def import_models(self) -> None:
        if not apps.is_installed("artifacts"):
            raise ImproperlyConfigured('`generation` writes what `artifacts` has. Add: INSTALLED_APPS += ["artifacts"]')
        super().import_models()

    def ready(self) -> None:
        from artifacts.pages import templates  # noqa: PLC0415  models exist only now
        from artifacts.reasons import add_reasons, tell_waiting_by  # noqa: PLC0415  as above
        from generation import signals  # noqa: PLC0415  as above
        from generation.queue.order import places  # noqa: PLC0415  as above
        from generation.reasons import STOP_SENTENCES  # noqa: PLC0415  as above

        checks.register(check_prices)
        add_reasons(STOP_SENTENCES)
        tell_waiting_by(places)
        templates.extend("generation")
        signals.connect()
        atexit.register(close_pools)
