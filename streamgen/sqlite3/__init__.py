"""Django's SQLite, with the writers of one process in turn. What is stored, and what a transaction does, is not known
here. I/O.
"""
