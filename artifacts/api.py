"""What the API tells of documents: reads only."""

from ninja import Router

router = Router()
