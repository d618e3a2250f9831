"""The codes of errors: each stable, with its status, what it means and what helps. Pure.

`docs/errors.md` is made of them: `python -m streamgen.contract.codes > docs/errors.md`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class ProblemCode:
    """`status` is HTTP's, `close` the close code of a websocket; 0 where it does not come that way."""

    code: str
    status: int = 0
    close: int = 0
    title: str
    meaning: str
    remedy: str


_TABLE = """
bad_request            400 0    | The request cannot be read
  Its headers or its body are not as HTTP has them.
  Look at `detail`; most libraries build such a request only when they are handed wrong headers.
wrong_host             400 0    | The site does not answer to this name
  The `Host` header names none of the site's hosts.
  Ask by the address that people open, or set `ALLOWED_HOSTS` and `PUBLIC_URL`.
not_json               400 0    | The body is not JSON
  It is broken off, not UTF-8, nested too deeply, or has what JSON has not, such as NaN.
  `detail` says where; let a library write the JSON.
bad_idempotency_key    400 0    | The Idempotency-Key cannot be used
  The header is empty, longer than 255 characters, or has others than printable ASCII.
  Send a UUID.
bad_query              400 0    | The query of a stream cannot be used
  `live` or another field of the query has no meaning here.
  See what a [stream](streams.md) may be asked.
bad_offset             400 0    | There is no such place in the stream
  The offset was never told by this stream, or lies behind its end.
  Begin with `-1`, and go on with what `Stream-Next-Offset` says.
login_required         401 4401 | Nobody is signed in
  There is no login, the token is not known, or it has ended.
  Send `Authorization: Bearer TOKEN`; `manage.py token USER` or the profile page makes one.
forbidden              403 0    | Your role does not allow that
  You may see it, and not do that with it.
  Ask the project's owner for another role ([sharing](sharing.md)).
csrf_failed            403 0    | The session's request lacks its proof
  A session cookie came without the CSRF token, or from a page of another origin.
  Send the cookie `csrftoken` in the header `X-CSRFToken`; programs send a bearer token instead.
not_found              404 4404 | It is not there, or not yours
  No difference is told between the two.
  Look at the id, and at whose login was sent.
no_such_call           404 0    | The API has no such call
  The path is none of the API's.
  `/api/docs` lists the calls.
deleted                404 4404 | The document was deleted
  Somebody deleted it while it was watched.
  Nothing brings it back.
method_not_allowed     405 0    | The path has other methods
  `Allow` names them.
  Use one of these.
illegal_transition     409 0    | The document's status does not allow that
  `detail` says from what to what, and which verb helps.
  Read the document, then decide.
task_exists            409 0    | A task for this document is not finished yet
  Only one may write a document.
  Wait for it, cancel it, or resume it.
busy                   409 0    | The document is being written
  Its text cannot be changed by hand meanwhile.
  Wait until it is written, or pause it.
base_changed           409 0    | The text is another by now
  Somebody changed the section since the text was read that the change was made from.
  `current` has the text as it stands, null where the section is gone: compare, and send again with its `sha256`.
budget                 409 0    | The budget does not allow it
  The project's budget is used up, or the model has no price to hold it with.
  Its owner raises the budget, or takes another model ([cost](cost.md)).
refused                409 0    | The command cannot be done now
  `detail` says why.
  Look at the document, then decide.
idempotency_in_flight  409 0    | The first request with this key is still being answered
  It came a moment ago, from you, with the same Idempotency-Key.
  Ask again after `Retry-After` seconds, with the same key.
idempotency_lost       409 0    | The command was done, its answer cannot be read any more
  The answer is sealed with the site's secret key, which is another one by now.
  Look what became of the command; use a new key for a new one.
precondition_failed    412 0    | It is another by now
  What `If-Match` names is not what the path has now; `ETag` says what it has.
  Read it again, and decide again.
too_large              413 0    | The body is too large
  A body may have 4 MB, and JSON 50 000 values.
  Send less.
unsupported_media_type 415 0    | The body is not said to be JSON
  The header `Content-Type` is another one, or missing.
  Send `Content-Type: application/json`.
invalid                422 0    | A field cannot be used
  It is missing, unknown, of another type, or past its limit; `field` names it.
  `detail` says what it must be.
idempotency_key_reused 422 0    | The Idempotency-Key was another request's
  The same key came before with another method, path or body.
  Make a new key for each new command, and repeat a command unchanged.
bad_format             422 4409 | There is no such format
  `format` is `text` or `html`.
  Ask for one of these.
bad_replay             422 4409 | There is no such speed
  `replay` is a number from 1 to 50.
  Ask for one of these.
bad_message            0   4409 | The message is not in the protocol
  The first is answered with this frame, the second ends the socket.
  Send `ack` and `ping` as the [protocol](protocol.md#from-the-client) has them.
queue_full             429 0    | As many documents wait as one person may have
  `STREAMGEN_USER_QUEUED` is the limit.
  Come again after `Retry-After` seconds.
too_many_starts        429 0    | Too many documents were started within a minute
  `STREAMGEN_USER_STARTS_PER_MINUTE` is the limit.
  Come again after `Retry-After` seconds.
too_many_sockets       429 4429 | Too many viewers of one login
  `STREAMGEN_SOCKETS_PER_USER` is the limit, of a link `STREAMGEN_SOCKETS_PER_LINK`.
  Close another page or stream first.
too_many_messages      0   4429 | The client says too much
  500 messages may come at once, 100 a second in the long run.
  Acknowledge after 64 KiB or a second, not each frame.
internal               500 0    | A mistake of the server
  Nobody foresaw it; the server's log has all of it.
  Tell whoever runs the server when it was.
unavailable            503 0    | Not now
  The document is claimed by another, or the server is going away.
  Come again after `Retry-After` seconds.
export_failed          503 0    | The file cannot be made now
  What makes Word and PDF files is busy, absent, or was stopped at its bounds.
  `detail` says which; Markdown and HTML are always there ([exports](exports.md)).
database_gone          503 0    | The database does not answer
  Nothing can be read or written for the moment; what is written waits in memory.
  It is tried again by itself: come again ([operations](operations.md)).
database_full          503 0    | The disk of the database is full
  Nothing can be written; documents wait, and lose nothing.
  Make room.
database_locked        503 0    | The database is locked by another process
  Another process holds it for longer than is waited.
  Come again; if it stays, look for a backup or a shell that holds a transaction.
database_read_only     503 0    | The database is read-only
  The file or the server does not let this process write.
  Give it the right to.
database_unmigrated    503 0    | The database lacks a migration
  The program is newer than its tables.
  Run `manage.py migrate`.
"""


def _codes() -> dict[str, ProblemCode]:
    lines = _TABLE.strip().splitlines()
    found: dict[str, ProblemCode] = {}
    for head, meaning, remedy in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        names, _, title = head.partition(" | ")
        code, status, close = names.split()
        found[code] = ProblemCode(
            code=code, status=int(status), close=int(close), title=title, meaning=meaning.strip(), remedy=remedy.strip()
        )
    return found


CODES = _codes()
OF_STATUS = {
    400: "bad_request",
    401: "login_required",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "refused",
    412: "precondition_failed",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "queue_full",
    500: "internal",
    503: "unavailable",
}
"""The code of a refusal that names none of its own."""


def way_of(code: ProblemCode) -> str:
    """How it comes: the status of an answer, the close code of a websocket, or both."""
    ways = [f"HTTP {code.status}"] if code.status else []
    return ", ".join([*ways, *([f"websocket {code.close}"] if code.close else [])])


def errors_page() -> str:
    """`docs/errors.md`."""
    codes = sorted(CODES.values(), key=lambda code: (code.status or 999, code.close))
    told = [f"## {code.code}\n\n{way_of(code)}. **{code.title}.** {code.meaning} {code.remedy}" for code in codes]
    return "\n\n".join([_INTRODUCTION.strip(), *told])


_INTRODUCTION = """
# Errors, by their codes

Every refusal of the [API](api.md) is `application/problem+json` with a `code`, and so is what a stream or a websocket
ends with ([protocol](protocol.md)). A code stays what it is; `detail` is a sentence for people and may change. The
`type` of a problem leads to its entry on the server's own page, `/api/errors`, which says the same as this one.

This page is made from the code: `python -m streamgen.contract.codes > docs/errors.md`.
"""

if __name__ == "__main__":
    print(errors_page())  # noqa: T201
