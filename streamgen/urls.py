"""Where every page and command lives."""

from django.contrib.auth.views import LogoutView
from django.urls import include, path

from streamgen.people import sign_in_views
from streamgen.people.site_admin import site

handler500 = "streamgen.operating.error_pages.server_error"
urlpatterns = [
    path("", include("streamgen.embedding.urls")),
    path("sign-in/", sign_in_views.SignIn.as_view(), name="sign-in"),
    path("sign-in/<str:uidb64>/<str:token>/", sign_in_views.sign_in_link, name="sign-in-link"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("admin/", site.urls),
]

handler400 = "streamgen.refusals.bad_request"
handler403 = "streamgen.refusals.forbidden"
