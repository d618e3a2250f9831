"""What people read over HTTP: pages, exports, and the reading half of the API. I/O: it reads the database and
writes nothing; it works without the app that writes documents.
"""
