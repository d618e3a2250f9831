"""Documents inside another Django project: defaults of settings, addresses, the ASGI application, and checks that say
what is missing. The site uses the same. I/O.
"""

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

_MISSING = [name for name in ("streamgen", "generation", "artifacts") if apps.ready and not apps.is_installed(name)]
if _MISSING:  # Django would fail at the first model, with words that tell nobody what to add
    _NAMES = ", ".join(f'"{name}"' for name in _MISSING)
    raise ImproperlyConfigured(
        f"Not all apps of documents are installed. Add: INSTALLED_APPS = [{_NAMES}, *INSTALLED_APPS]"
    )
