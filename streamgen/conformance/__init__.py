"""Does a server keep the published protocol (docs/protocol.md, docs/api.md)? It asks from outside, and knows nothing of
Django or of the server's code: another implementation may be asked as well. I/O but for `schema`, `spec`, `report`.
"""
