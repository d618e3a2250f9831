"""Any OpenAI-compatible endpoint; the only folder that knows the wire. `client` and `connections` do I/O, the rest
is pure.
"""
