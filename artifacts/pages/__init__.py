"""What people read over HTTP: pages, exports, and the reading half of the API. It writes nothing, and works without
the app that writes documents. I/O.
"""
