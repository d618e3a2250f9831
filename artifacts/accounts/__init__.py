"""Who is calling: bearer tokens, sessions, and what a login is worth while a socket is open. What somebody may see is
`artifacts.access` to say. I/O.
"""
