"""How the server ends a socket: every close code, and the error frame that goes before it. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SocketEnding:
    """Why the server closes a socket: the close code, and the error frame before it, where there is one."""

    close_code: int
    error: str = ""
    detail: str = ""


LOGIN_REQUIRED = SocketEnding(close_code=4401, error="login_required", detail="Sign in, or send a valid bearer token.")
NOT_FOUND = SocketEnding(close_code=4404, error="not_found", detail="There is no such document, or it is not yours.")
GOING_AWAY = SocketEnding(close_code=1012)
TRY_AGAIN = SocketEnding(close_code=1000)
TOO_BIG = SocketEnding(close_code=1009)
BAD_FORMAT = SocketEnding(close_code=4409, error="bad_format", detail="format must be text or html.")
BAD_REPLAY = SocketEnding(close_code=4409, error="bad_replay", detail="replay must be a number from 1 to 50.")
DELETED = SocketEnding(close_code=4404, error="deleted", detail="The document was deleted.")
TOO_MANY_MESSAGES = SocketEnding(close_code=4429, error="too_many_messages", detail="Acknowledge less often.")
TOO_MANY_SOCKETS = SocketEnding(close_code=4429, error="too_many_sockets", detail="Close another page of yours first.")


def bad_message(detail: str) -> SocketEnding:
    """After the second protocol error."""
    return SocketEnding(close_code=4409, error="bad_message", detail=detail)


class SocketRefused(Exception):
    """The socket must end."""

    def __init__(self, ending: SocketEnding) -> None:
        super().__init__(ending.error)
        self.ending = ending
