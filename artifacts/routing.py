"""Where websockets go."""

from typing import Any

from django.urls import path, re_path

from artifacts.live.consumer import ViewerConsumer


async def refuse_handshake(scope: Any, receive: Any, send: Any) -> None:
    """Nothing is here: the handshake is answered with 403."""
    await receive()
    await send({"type": "websocket.close"})


websocket_urlpatterns = [
    path("ws/artifacts/<int:artifact_id>/", ViewerConsumer.as_asgi()),
    path("ws/artifacts/<int:artifact_id>/link/<str:secret>/", ViewerConsumer.as_asgi()),
    re_path(r"", refuse_handshake),  # type: ignore[arg-type]  # an ASGI application, not a view
]
