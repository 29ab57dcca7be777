"""Addresses of the kernel's own pages and of the live stream."""

from django.urls import path

from . import live, views
from .addresses import keyed

urlpatterns = [
    path("live", live.stream, name="live"),
    path("jobs/", views.jobs_page, name="jobs"),
    path("jobs/<int:number>/retry/", views.retry_job, name="retry-job"),
    path("jobs/events/<int:number>/retry/", views.retry_delivery, name="retry-delivery"),
    path("progress/<int:number>/", views.progress, name="progress"),
    path("notices/", views.notices_page, name="notices"),
    path("notices/bell/", views.bell, name="bell"),
    path("notices/read/", views.read_all, name="read-all-notices"),
    path("notices/preferences/", views.preferences, name="notice-preferences"),
    path("notices/<int:number>/read/", views.read_notice, name="read-notice"),
]

CITY = ("city",)
keyed("progress", of="kernel.Progress", keys=lambda p: {"number": p.pk}, record="number")
keyed("read-notice", of="kernel.Notice", keys=lambda n: {"number": n.pk}, record="number")
keyed("retry-delivery", of="kernel.Delivery", keys=lambda d: {"number": d.pk}, record="number", roles=CITY)
keyed("retry-job", of="procrastinate.ProcrastinateJob", keys=lambda j: {"number": j.pk}, record="number", roles=CITY)
