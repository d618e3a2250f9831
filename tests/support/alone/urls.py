"""The pages, the admin and the half of the API that reads."""

from django.contrib import admin
from django.urls import include, path
from ninja import NinjaAPI
from ninja.security import django_auth

from artifacts.pages.api import router

api = NinjaAPI(auth=django_auth)
api.add_router("", router)

urlpatterns = [
    path("", include("artifacts.urls")),
    path("api/", api.urls),
    path("admin/", admin.site.urls),
]
