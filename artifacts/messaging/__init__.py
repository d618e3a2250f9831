"""How processes tell one another what happened to a document: hints, which may be lost. Nothing here reads or writes a
row. I/O but for `events`.
"""
