"""Where the pages about the API are, and the documents that programs read, beside the calls."""

from django.urls import path

from streamgen.api_calls import pages

app_name = "about-api"
urlpatterns = [
    path("docs", pages.api_docs, name="docs"),
    path("docs/frames", pages.frames, name="frames"),
    path("errors", pages.errors, name="errors"),
    path("asyncapi.json", pages.asyncapi, name="asyncapi"),
    path("frames.schema.json", pages.frames_json, name="frames-schema"),
]
