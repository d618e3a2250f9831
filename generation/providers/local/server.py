"""The process of the small bundled model: loads it, says its address on stdout, and ends when its stdin closes.

Run as a file with the model's path as argument (see `local`); the first line of stdin is the key callers must show.
It imports nothing of the project, so that it starts fast, and prints nothing else: prompts are in no log.
"""

from __future__ import annotations

import contextlib
import os
import sys

CONTEXT_TOKENS = 8_192
"""All that the model was trained for; the calls under way share it."""
PARALLEL_CALLS = 4


def main(model: str) -> None:
    import xllamacpp  # noqa: PLC0415  # only this process has it loaded

    key = sys.stdin.readline().strip()
    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.model_alias = {"SmolLM2-135M"}
    parameters.n_ctx, parameters.n_parallel, parameters.kv_unified = CONTEXT_TOKENS, PARALLEL_CALLS, True
    # One thread writes: two are hardly faster, and fight with the server process for the machine. Reading the prompt,
    # a second at most, takes two, because people wait for the first word. For that
    # reason the process is not nice either.
    parameters.cpuparams.n_threads, parameters.cpuparams_batch.n_threads = 1, min(2, os.cpu_count() or 1)
    parameters.n_threads_http = PARALLEL_CALLS + 2
    parameters.cache_ram_mib = 0
    parameters.hostnames, parameters.port = ["127.0.0.1"], 0
    parameters.api_keys = [key]
    parameters.ui = parameters.endpoint_slots = False
    parameters.cors_origins = ""
    parameters.verbosity = -1
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)  # noqa: T201
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nobody reads on
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdin.read()
    os._exit(0)  # without waiting for the calls under way: nobody is there to read their answers


if __name__ == "__main__":
    main(sys.argv[1])
