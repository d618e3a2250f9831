"""The JSON API: both apps' routers behind one login."""

from ninja import NinjaAPI

from artifacts.api import router as reads
from generation.api import router as commands

api = NinjaAPI(title="streamgen", version="1", docs_url=None)
api.add_router("", reads)
api.add_router("", commands)
