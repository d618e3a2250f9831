"""Answers that the endpoint keeps (the Responses API): `kept_calls` does I/O, the rest is pure."""
