"""Where websockets go, and requests whose answers last."""

from typing import Any

from django.urls import path, re_path

from artifacts.live.consumer import ViewerConsumer
from artifacts.streams.durable import durable_stream
from artifacts.streams.events import event_stream


async def refuse_handshake(scope: Any, receive: Any, send: Any, why: str = "There is no websocket here.") -> None:
    """The handshake is answered with 403, and with the reason, where the server can send one."""
    await receive()
    if "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close"})
        return
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "websocket.http.response.start", "status": 403, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": why.encode("utf-8", "replace")})


websocket_urlpatterns = [
    path("ws/artifacts/<int:artifact_id>/", ViewerConsumer.as_asgi()),
    path("ws/artifacts/<int:artifact_id>/link/<str:secret>/", ViewerConsumer.as_asgi()),
    re_path(r"", refuse_handshake),  # type: ignore[arg-type]  # an ASGI application, not a view
]

# ASGI applications, not views
http_urlpatterns = [
    path("streams/artifacts/<int:artifact_id>", durable_stream),  # type: ignore[arg-type]
    path("streams/artifacts/<int:artifact_id>/<int:epoch>", durable_stream),  # type: ignore[arg-type]
    path("streams/artifacts/<int:artifact_id>/link/<str:secret>", durable_stream),  # type: ignore[arg-type]
    path("streams/artifacts/<int:artifact_id>/link/<str:secret>/<int:epoch>", durable_stream),  # type: ignore[arg-type]
    path("api/artifacts/<int:artifact_id>/events", event_stream),  # type: ignore[arg-type]
    path("api/artifacts/<int:artifact_id>/link/<str:secret>/events", event_stream),  # type: ignore[arg-type]
]
