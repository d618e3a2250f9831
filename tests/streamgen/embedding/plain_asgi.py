"""What a project's `asgi.py` is before the line is added."""

from django.core.asgi import get_asgi_application

application = get_asgi_application()
