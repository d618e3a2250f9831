"""What an operator looks into: what happened to each document, and how all of them are. It keeps what writers noted,
and changes nothing about a document. I/O but for `journal`, `pictures` and `redaction`.
"""
