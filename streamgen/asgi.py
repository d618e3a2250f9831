"""The ASGI application: pages and API to Django, streams and websockets beside it, the life of the process."""

import gc
import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings

from artifacts.operating.heap import give_back_memory, set_aside_imports
from artifacts.operating.open_files import raise_open_files

give_back_memory()  # before any thread has made a heap of its own
raise_open_files()
_collects = gc.isenabled()
gc.disable()  # until everything is imported: what is stays
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "streamgen.settings")
django.setup(set_prefix=False)

from artifacts.routing import websocket_urlpatterns  # noqa: E402  models need the app registry
from streamgen.api_calls.any_origin import AnyOrigin  # noqa: E402
from streamgen.http_streams import WithStreams  # noqa: E402
from streamgen.operating.access_log import SocketLog  # noqa: E402
from streamgen.operating.probes import Probes  # noqa: E402
from streamgen.server.bodies import BoundedBodies  # noqa: E402
from streamgen.server.form_bodies import PagesHandler  # noqa: E402
from streamgen.server.lifespan import this_process  # noqa: E402
from streamgen.server.program_answers import ProgramAnswers  # noqa: E402
from streamgen.server.public_address import AtPublicUrl  # noqa: E402
from streamgen.server.turns import InTurn  # noqa: E402
from streamgen.server.wires import WithWires  # noqa: E402
from streamgen.websocket_auth import websocket_login  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": Probes(
            AtPublicUrl(
                AnyOrigin(BoundedBodies(WithStreams(ProgramAnswers(InTurn(PagesHandler()))))), settings.PUBLIC_URL
            )
        ),
        "websocket": AtPublicUrl(
            WithWires(SocketLog(websocket_login(URLRouter(websocket_urlpatterns)))), settings.PUBLIC_URL
        ),
        "lifespan": this_process.speak,
    }
)
this_process.hook_daphne()

set_aside_imports()
if _collects:
    gc.enable()
