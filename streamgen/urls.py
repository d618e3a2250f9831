"""Where every page and command lives."""

from django.contrib import admin
from django.urls import include, path

from streamgen.api import api

handler500 = "streamgen.operating.error_pages.server_error"
urlpatterns = [
    path("", include("artifacts.urls")),
    path("", include("generation.urls")),
    path("api/", api.urls),
    path("admin/", admin.site.urls),
]

handler400 = "streamgen.refusals.bad_request"
handler403 = "streamgen.refusals.forbidden"
