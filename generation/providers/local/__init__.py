"""The small bundled model: a process on this machine's loopback, and the provider that calls it. What any endpoint
does is `openai_compatible`'s. I/O.
"""
