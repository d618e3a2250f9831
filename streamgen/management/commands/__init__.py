"""What the command line can do with an installation: serve, check, issue tokens. What concerns one document is
`generation`'s. I/O.
"""
