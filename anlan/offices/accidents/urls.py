"""Addresses of the accident office that no register or case page serves."""

from django.urls import path

from anlan.kernel.addresses import keyed

from . import views

app_name = "accidents"
urlpatterns = [
    path("intake/", views.intake, name="intake"),
    path("report/", views.report, name="report"),
    path("check/", views.check, name="check"),
    path("form/<str:number>/", views.national_form, name="national-form"),
    path("form/<str:number>/form.xlsx", views.form_file, name="form-file"),
    path("register.xlsx", views.register_file, name="register-file"),
]
keyed(
    "accidents:national-form", "accidents:form-file", of="accidents.Accident", keys=lambda row: {"number": row.number},
    record="number",
)  # fmt: skip
