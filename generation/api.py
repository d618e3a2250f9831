"""What the API does with documents: the commands."""

from ninja import Router

router = Router()
