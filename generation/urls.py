"""The forms of the pages: where what people type and press goes."""

from django.urls import path

from generation.pages import cost_views, estimates, plan_views, reworking_views, views

app_name = "generation"
urlpatterns = [
    path("projects/", views.create_project, name="project-create"),
    path("projects/<int:project_id>/artifacts/", views.create_artifact, name="artifact-create"),
    path("artifacts/<int:artifact_id>/plan/", plan_views.plan_page, name="plan"),
    path("projects/<int:project_id>/cost/", cost_views.cost, name="cost"),
    path("projects/<int:project_id>/cost/budget/", cost_views.budget, name="budget"),
    path("projects/<int:project_id>/write/<slug:verb>/", views.project_command, name="project-command"),
    path("artifacts/<int:artifact_id>/sections/", reworking_views.sections, name="sections"),
    path("artifacts/<int:artifact_id>/sections/<int:number>/edit/", reworking_views.edit, name="section-edit"),
    path("artifacts/<int:artifact_id>/sections/<int:number>/preview/", reworking_views.preview, name="section-preview"),
    path("artifacts/<int:artifact_id>/sections/<int:number>/rewrite/", reworking_views.rewrite, name="section-rewrite"),
    path("artifacts/<int:artifact_id>/estimate/", estimates.estimate_page, name="artifact-estimate"),
    path("artifacts/<int:artifact_id>/<slug:verb>/", views.artifact_command, name="artifact-command"),
]
