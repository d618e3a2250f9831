"""Holds JSON against the part of JSON Schema that the frames use, and says where it differs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from streamgen.contract.frames import FRAMES, JsonSchema, frames_schema

_DEFINED = frames_schema()["$defs"]
_KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}


def frame_faults(frame: Any) -> list[str]:
    """Why this is none of the frames; empty where it is one. Frames of another type are to be passed over."""
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        return ["it is no object with a type"]
    kinds = [schema for schema in FRAMES.values() if schema["properties"]["type"]["const"] == frame["type"]]
    found = [list(_faults(frame, schema, frame["type"])) for schema in kinds]
    return min(found, key=len, default=[])


def _faults(value: Any, schema: JsonSchema, place: str) -> Iterator[str]:
    if reference := schema.get("$ref"):
        yield from _faults(value, _DEFINED[reference.rpartition("/")[2]], place)
        return
    if "const" in schema and (value != schema["const"] or type(value) is not type(schema["const"])):
        yield f"{place} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place} is {value!r}, none of {', '.join(schema['enum'])}"
    kind = schema.get("type")
    if kind and (not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{place} is no {kind}"
    else:
        yield from _faults_of_bounds(value, schema, place)
        yield from _faults_of_parts(value, schema, place)


def _faults_of_bounds(value: Any, schema: JsonSchema, place: str) -> Iterator[str]:
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{place} is less than {schema['minimum']}"
    if isinstance(value, str) and len(value) < schema.get("minLength", 0):
        yield f"{place} is empty"
    if "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{place} is not of the form {schema['pattern']}"


def _faults_of_parts(value: Any, schema: JsonSchema, place: str) -> Iterator[str]:
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{place} has no {name}"
    for name, part in schema.get("properties", {}).items():
        if name in value:
            yield from _faults(value[name], part, f"{place}.{name}")
    if "items" in schema:
        for number, item in enumerate(value):
            yield from _faults(item, schema["items"], f"{place}[{number}]")
