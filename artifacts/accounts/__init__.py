"""Who is calling: bearer tokens, sessions and what a login is worth while a socket is open. I/O: it reads the
database. What somebody may see is `artifacts.access` to say.
"""
