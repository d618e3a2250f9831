"""The addresses of documents, to be included wherever a project wants them: pages, commands and the API."""

from django.urls import include, path

from streamgen.api import api
from streamgen.embedding.element_files import element_file

urlpatterns = [
    path("", include("artifacts.urls")),
    path("", include("generation.urls")),
    path("api/", include("streamgen.api_calls.urls")),
    path("api/", api.urls),
    path("element/", include(([path("<path:name>", element_file, name="element-file")], "elsewhere"))),
]
