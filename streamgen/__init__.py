"""The composition root: settings, urls, the API object, the ASGI application, and who a websocket belongs to. No app
imports it, and nothing that a document needs is decided here. I/O.
"""
