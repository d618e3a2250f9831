"""The project's settings without the app generation."""

from streamgen.settings import *  # noqa: F403
from streamgen.settings import INSTALLED_APPS

INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "generation"]
ROOT_URLCONF = "tests.support.alone.urls"
