"""How processes tell one another what happened to a document: hints that may be lost. I/O on the channel layer
only; `events` is pure. Nothing here reads or writes a row.
"""
