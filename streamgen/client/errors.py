"""What a client raises: one tree, each with what to do about it."""

from __future__ import annotations


class ClientError(Exception):
    """The base of all: `str()` of it is a sentence that can be shown."""


class SignInNeeded(ClientError):
    """No token, a wrong one, or one that was revoked meanwhile: get another (`manage.py token USER`)."""


class NoSuchDocument(ClientError):
    """Not there, not yours (the server tells no difference), or deleted while it was watched."""


class ServerAway(ClientError):
    """The server did not answer for as long as the client was told to wait."""


class ProtocolViolated(ClientError):
    """The other side speaks another protocol: it is no streamgen server, or one of a later version."""


class TextDiffers(ClientError):
    """The text that came is not the one that the server has, by its SHA-256, also when it is asked for once more."""


class CallRefused(ClientError):
    """An error that the API answered. `status` is HTTP's, `code` and `field` are set where the server names them."""

    def __init__(self, detail: str, *, status: int, code: str = "", field: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.field = field
