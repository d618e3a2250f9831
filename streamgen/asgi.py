"""The ASGI application: pages and API to Django, websockets to the artifacts' consumer."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "streamgen.settings")
django = get_asgi_application()

from artifacts.routing import websocket_urlpatterns  # noqa: E402  models need the app registry
from streamgen.middleware import websocket_login  # noqa: E402

application = ProtocolTypeRouter({"http": django, "websocket": websocket_login(URLRouter(websocket_urlpatterns))})
