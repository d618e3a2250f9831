"""The process that makes one file: a job as JSON comes in on stdin, the file goes out on stdout. It knows no Django.

A hostile document costs it its bounds and nobody else anything.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from importlib.util import find_spec
from pathlib import Path

from artifacts.exports.properties import FileProperties
from artifacts.exports.tree import Node, parse_html
from artifacts.exports.typst_source import typst_source

CPU_S = 60
MEMORY_BYTES = 3 * 1024**3
FONT_PACKAGES = ("manimgx_fonts", "manimgx_fonts_cjk")
_DEPTH = 20_000


def make_file() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    sys.setrecursionlimit(_DEPTH)
    os.nice(5)  # writers and viewers first
    job = json.load(sys.stdin.buffer)
    body = parse_html(job["html"])
    make = {"docx": _word, "pdf": _pdf}[job["kind"]]
    sys.stdout.buffer.write(make(FileProperties(**job["properties"]), body))


def _word(properties: FileProperties, body: Node) -> bytes:
    from artifacts.exports.word import word_file  # noqa: PLC0415  each kind loads what it needs alone

    return word_file(properties, body)


def _pdf(properties: FileProperties, body: Node) -> bytes:
    import typst  # noqa: PLC0415  the same

    fonts = [Path(spec.origin).parent for name in FONT_PACKAGES if (spec := find_spec(name)) and spec.origin]
    nothing_to_read = Path(typst.__file__).parent
    source = typst_source(properties, body).encode()
    compiler = typst.Compiler(source, root=nothing_to_read, font_paths=typst.Fonts(font_paths=fonts))
    made = compiler.compile(format="pdf")
    assert isinstance(made, bytes)
    return made


if __name__ == "__main__":
    make_file()
