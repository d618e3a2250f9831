"""The only writer of a document's streaming fields: what people ask of it, what its writer does to it, and the
state that is read back. I/O: it holds transactions and locks. It sends no message and knows no viewer.
"""
