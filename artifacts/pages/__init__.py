"""What people read over HTTP: pages, exports, and the half of the API that reads. It writes nothing, and works without
the app that writes documents. I/O.
"""
