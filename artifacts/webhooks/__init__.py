"""News of a project's documents for another server, signed: kept as rows in the transaction of what they tell of, sent
by workers until it arrives. It changes no document. I/O but for `addresses`.
"""
