"""Has documents written by a language model: here Django's own places, the errors and the verbs that people use, the
rest in rooms. How a document is stored and shown is `artifacts`'s. I/O but for `errors` and `reasons`.
"""
