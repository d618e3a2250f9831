"""Documents inside another Django project: defaults of settings, addresses, the ASGI application, and checks that say
what is missing. The site uses the same. I/O.
"""
