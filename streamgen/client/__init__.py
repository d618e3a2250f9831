"""The Python client: watches documents, and says what people want done with them. It speaks the published protocol
(docs/protocol.md, docs/api.md) and knows nothing of Django or of the server's code. I/O.

```
async with Client("http://localhost:8000", token=TOKEN) as client:
    async for event in client.watch(7):
        if isinstance(event, TextAdded):
            print(event.text, end="")
```

`BlockingClient` has the same words without `async`.
"""

from streamgen.client.blocking import BlockingClient
from streamgen.client.client import Client
from streamgen.client.errors import (
    CallRefused,
    ClientError,
    NoSuchDocument,
    ProtocolViolated,
    ServerAway,
    SignInNeeded,
    TextDiffers,
)
from streamgen.client.events import DocumentEnded, EpochBegan, StateChanged, TextAdded, TextPart, TextPlace, WatchEvent

__all__ = [
    "BlockingClient",
    "CallRefused",
    "Client",
    "ClientError",
    "DocumentEnded",
    "EpochBegan",
    "NoSuchDocument",
    "ProtocolViolated",
    "ServerAway",
    "SignInNeeded",
    "StateChanged",
    "TextAdded",
    "TextDiffers",
    "TextPart",
    "TextPlace",
    "WatchEvent",
]
