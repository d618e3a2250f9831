"""Daphne's app for its command `runserver` alone. Daphne's own loads its server, with Twisted, into every process: a
worker, another server, a small command, which all begin a quarter of a second later for it.
"""

from django.apps import AppConfig


class RunserverConfig(AppConfig):
    name = "daphne"
