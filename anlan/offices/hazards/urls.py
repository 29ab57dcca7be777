"""Addresses of the hidden-danger office that no register or case page serves."""

from django.urls import path

from .views import majors, report, returns

app_name = "hazards"
urlpatterns = [
    path("report/", report.report, name="report"),
    path("report/sent/<str:number>/", report.sent, name="sent"),
    path("returns/", returns.index, name="returns"),
    path("returns/enterprises/", returns.enterprises, name="returns-enterprises"),
    path("returns/<str:period>/", returns.own, name="return"),
    path("returns/<str:period>/<int:enterprise>/", returns.of_enterprise, name="return-of"),
    path("majors/", majors.majors, name="majors"),
    path("listed/", majors.listed, name="listed"),
    path("order/<str:number>/", majors.order, name="order"),
    path("separate-report/<str:number>/", majors.separate_report, name="separate-report"),
]
