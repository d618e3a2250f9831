"""Who is let into a project and by what link, and the record of who did what: the verbs and their rows. Who may use
them is `artifacts.access` to say; what happens to a document belongs to `artifacts.lifecycle`. I/O.
"""
