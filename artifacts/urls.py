"""The pages of documents, and signing in and out."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from artifacts.pages import views

urlpatterns = [
    path("", views.projects, name="projects"),
    path("projects/<int:project_id>/", views.project, name="project"),
    path("artifacts/<int:artifact_id>/", views.artifact, name="artifact"),
    path("artifacts/<int:artifact_id>/versions/<int:version_id>/", views.version, name="version"),
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-in/<str:uidb64>/<str:token>/", views.sign_in_link, name="sign-in-link"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
]
