"""The project's settings without the app generation, and without the site's own pages."""

from streamgen.settings import *  # noqa: F403
from streamgen.settings import INSTALLED_APPS, TEMPLATES

INSTALLED_APPS = [app for app in INSTALLED_APPS if app != "generation"]
TEMPLATES = [{**TEMPLATES[0], "DIRS": []}]
ROOT_URLCONF = "tests.support.alone.urls"
LOGIN_URL = "admin:login"
