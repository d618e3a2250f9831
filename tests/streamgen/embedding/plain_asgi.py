"""What a project's `asgi.py` is before the line is added, and the addresses of one without documents."""

from typing import Any

from django.core.asgi import get_asgi_application

application = get_asgi_application()
urlpatterns: list[Any] = []
