"""Refusals in the shape that clients of the OpenAI API know. Pure: what they are refused for is found out elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict


class OpenAIError(TypedDict):
    message: str
    type: str
    param: str | None
    code: str | None
    streamgen: NotRequired[dict[str, Any]]


class ApiRefused(Exception):
    """The request is answered with this error."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = OpenAIError(message=message, type=_type_of(status), param=param, code=code)
        self.headers = dict(headers or {})


def _type_of(status: int) -> str:
    """As the original names them."""
    if status == 429:
        return "rate_limit_error"
    if status == 403:
        return "permission_error"
    return "server_error" if status >= 500 else "invalid_request_error"


def no_such_model(name: str) -> ApiRefused:
    return ApiRefused(
        404,
        f"The model {name[:200]!r} does not exist here, or it is not yours. GET /v1/models lists yours.",
        code="model_not_found",
        param="model",
    )


def no_such_response(name: str) -> ApiRefused:
    return ApiRefused(404, f"Response with id {name[:200]!r} not found.", param="response_id")
