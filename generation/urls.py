"""The buttons of the live page, for those who come without JavaScript too."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
