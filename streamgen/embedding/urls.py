"""The addresses of documents, to be included wherever a project wants them: pages, commands and the API."""

from django.urls import include, path

from streamgen.api import api

urlpatterns = [
    path("", include("artifacts.urls")),
    path("", include("generation.urls")),
    path("api/", include("streamgen.api_calls.urls")),
    path("api/", api.urls),
]
