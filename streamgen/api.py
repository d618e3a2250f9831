"""The JSON API: both apps' calls behind one login, and one shape for every error. It knows no call."""

from __future__ import annotations

import json
from functools import wraps
from typing import Any, NoReturn

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, re_path, reverse
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, AuthorizationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.operation import Operation
from ninja.parser import Parser
from ninja.security import HttpBearer, SessionAuth
from ninja.utils import check_csrf

from artifacts.accounts import tokens
from artifacts.models.user_model import User
from artifacts.operating.log_context import tell_about
from artifacts.pages import sharing_api, versions_api
from generation.pages import costs_api, reworking_api
from generation.pages.api import router
from streamgen import problems
from streamgen.agents.openai_paths import OPENAI_TAG, openai_paths
from streamgen.api_calls.entity_tags import ApiView, as_method, tagged, where_unchanged
from streamgen.api_calls.idempotency import once
from streamgen.api_calls.json_bodies import TooManyValues, read_json
from streamgen.api_calls.openapi import told_whole
from streamgen.problems import BadBody, Problem
from streamgen.refusals import foreign_origin

OBJECT_MEMBERS = 100
"""No object of ours has so many members; more would only keep the schema busy."""

NO_CSRF_TOKEN = "The CSRF token is missing or wrong. Send it in the header X-CSRFToken."


class Bearer(HttpBearer):
    """`Authorization: Bearer TOKEN`. A token that is not known is refused, whatever the session says."""

    def authenticate(self, request: HttpRequest, token: str) -> User:
        user = tokens.user_for_token(token.strip())
        if user is None:
            raise AuthenticationError(message="This token is not known. `manage.py token USER` makes one.")
        tell_about(user=user.pk)
        return user


class Session(SessionAuth):
    """The session cookie; calls that change something need the CSRF token too, in the header X-CSRFToken."""

    def __call__(self, request: HttpRequest) -> Any:
        if not request.user.is_authenticated:
            raise AuthenticationError(message="Sign in, or send Authorization: Bearer TOKEN.")
        if check_csrf(request):
            raise AuthorizationError(message=foreign_origin(request) or NO_CSRF_TOKEN)
        tell_about(user=request.user.pk)
        return request.user


class JsonParser(Parser):
    """Strict JSON, said to be JSON."""

    def parse_body(self, request: HttpRequest) -> Any:
        if request.content_type != "application/json":
            raise BadBody("Send JSON, with Content-Type: application/json.", 415, "unsupported_media_type")
        try:
            return read_json(request.body, object_pairs_hook=_object, parse_constant=_constant)
        except TooManyValues as error:
            raise BadBody(str(error), 413, "too_large") from None
        except json.JSONDecodeError as error:
            raise BadBody(f"The body is not JSON: {error.msg}, line {error.lineno} column {error.colno}.") from None
        except UnicodeDecodeError:
            raise BadBody("The body is not JSON: it is not UTF-8.") from None
        except RecursionError:
            raise BadBody("The body is nested too deeply.") from None
        except ValueError:
            raise BadBody("The body is not JSON: a number has too many digits.") from None


class JsonAPI(NinjaAPI):
    """Ninja, with our answers also where it asks nobody: a path that is not there, a method a path does not have."""

    @property
    def urls(self) -> tuple[list[URLResolver | URLPattern], str, str]:
        patterns, app_name, namespace = super().urls
        views = [pattern for pattern in patterns if isinstance(pattern, URLPattern)]
        for pattern in (*views, rest := re_path("", _nothing_here)):
            pattern.callback = _uniform(pattern.callback)
        return [*patterns, rest], app_name, namespace

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        """Ninja's, with every answer that there is; all paths are below the one server, wherever a project has it."""
        schema = told_whole(super().get_openapi_schema(**{"path_prefix": "/api/"} | options))
        schema["servers"] = [{"url": reverse("artifacts:projects").rstrip("/") or "/"}]
        schema["paths"] |= openai_paths()
        schema["tags"] = [*schema["tags"], OPENAI_TAG]
        return schema

    def get_openapi_operation_id(self, operation: Operation) -> str:
        """The app and the call: generated clients name their methods by it, so it must not follow the layout."""
        function = operation.view_func
        return f"{function.__module__.partition('.')[0]}_api_{function.__name__}"

    def set_default_exception_handlers(self) -> None:
        for kind in (Exception, HttpError, ValidationError):
            self.add_exception_handler(kind, problems.answer)


def _uniform(view: ApiView) -> ApiView:
    def told(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except Http404:
            detail = f"There is no such call. {reverse('about-api:docs')} lists them."
            response = Problem(status=404, detail=detail, code="no_such_call").response()
        if response.status_code == 405:
            ways = set(response["Allow"].split(", "))
            allowed = ", ".join(sorted(ways | {"HEAD"} if "GET" in ways else ways))
            detail = f"{request.method} is not allowed here; allowed: {allowed}."
            response = Problem(status=405, detail=detail, headers={"Allow": allowed}).response()
        # What one person may see must not wait in a cache for another one.
        response.setdefault("Cache-Control", "no-store")
        return response

    @csrf_exempt  # the login checks it, and answers as JSON
    @wraps(view)
    def uniform(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "HEAD":
            return _head_of(uniform(as_method(request, "GET"), *args, **kwargs))
        response = once(request, lambda: where_unchanged(request, told, *args, **kwargs), _caller)
        response.setdefault("Cache-Control", "no-store")
        return tagged(request, response)

    return uniform


def _head_of(response: HttpResponse) -> HttpResponse:
    """What `GET` says before its body."""
    if not response.streaming and response.content:
        response.setdefault("Content-Length", str(len(response.content)))
        response.content = b""
    return response


def _caller(request: HttpRequest) -> User | None:
    """Who calls; None where the login is refused, which the call itself will say."""
    try:
        found = Bearer()(request)
        return found if isinstance(found, User) else Session()(request)
    except Exception as error:
        if problems.problem_of(error) is None:
            raise
        return None


def _nothing_here(request: HttpRequest) -> NoReturn:
    raise Http404


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > OBJECT_MEMBERS:
        raise BadBody(f"An object in the body has {len(pairs)} members; {OBJECT_MEMBERS} are the most.")
    return dict(pairs)


def _constant(name: str) -> NoReturn:
    raise BadBody(f"The body is not JSON: {name} is no JSON number.")


api = JsonAPI(
    title="streamgen",
    version="1",
    urls_namespace="streamgen-api",
    auth=[Bearer(), Session()],
    parser=JsonParser(),
    docs_url=None,
    openapi_url="",
)
for _calls in (sharing_api, versions_api, reworking_api, costs_api):
    assert _calls.router is router  # one for all: each of these modules adds its calls to it
api.add_router("", router)


@api.get("/openapi.json", auth=None, include_in_schema=False)
def openapi(request: HttpRequest) -> Any:
    return api.get_openapi_schema()
