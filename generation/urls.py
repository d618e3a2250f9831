"""The forms of the pages: where what people type and press goes."""

from django.urls import path

from generation.pages import views

urlpatterns = [
    path("projects/", views.create_project, name="project-create"),
    path("projects/<int:project_id>/artifacts/", views.create_artifact, name="artifact-create"),
    path("artifacts/<int:artifact_id>/<slug:verb>/", views.artifact_command, name="artifact-command"),
]
