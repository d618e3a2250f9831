"""The only writer of a document's streaming fields: the verbs of people, the verbs of a writer, and the state that is
read back. It sends no message and knows no viewer. I/O.
"""
