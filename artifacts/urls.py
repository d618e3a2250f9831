"""The pages of documents. Where people sign in is the project's."""

from django.urls import path

from artifacts.pages import profile, sharing, versions, views

app_name = "artifacts"
urlpatterns = [
    path("", views.projects, name="projects"),
    path("projects/<int:project_id>/", views.project, name="project"),
    path("artifacts/<int:artifact_id>/", views.artifact, name="artifact"),
    path("artifacts/<int:artifact_id>/export.<slug:kind>", views.artifact_export, name="artifact-export"),
    path("projects/<int:project_id>/export.zip", views.project_export, name="project-export"),
    path("artifacts/<int:artifact_id>/versions/<int:version_id>/", views.version, name="version"),
    path("artifacts/<int:artifact_id>/replay/", views.replay, name="replay"),
    path("shared/<str:secret>/<int:artifact_id>/replay/", sharing.shared_replay, name="shared-replay"),
    path("projects/<int:project_id>/sharing/", sharing.sharing, name="sharing"),
    path("projects/<int:project_id>/sharing/<slug:verb>/", sharing.sharing_command, name="sharing-command"),
    path("join/<str:secret>/", sharing.join, name="join"),
    path("shared/<str:secret>/", sharing.shared, name="shared"),
    path("shared/<str:secret>/<int:artifact_id>/", sharing.shared_artifact, name="shared-artifact"),
    path("shared/<str:secret>/<int:artifact_id>/export/", sharing.shared_export, name="shared-export"),
    path("shared/<str:secret>/export.zip", sharing.shared_project_export, name="shared-project-export"),
    path("pictures/", views.picture_frame, name="picture-frame"),
    path("profile/", profile.profile, name="profile"),
    path("profile/<slug:verb>/", profile.profile_command, name="profile-command"),
    path("artifacts/<int:artifact_id>/versions/", versions.versions, name="versions"),
    path(
        "artifacts/<int:artifact_id>/versions/<str:old>/compare/<str:new>/", versions.compare, name="versions-compare"
    ),
]
