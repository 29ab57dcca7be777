"""Addresses of the hidden-danger office that no register or case page serves."""

from django.urls import path

from anlan.kernel.addresses import keyed, spelled

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

PERIODS = ("2013Q2", "2013Q1", "2012")
keyed(
    "hazards:sent",
    "hazards:order",
    "hazards:separate-report",
    of="hazards.Danger",
    keys=lambda danger: {"number": danger.number},
    record="number",
)
spelled("hazards:return", values=lambda: [{"period": period} for period in PERIODS])
keyed(
    "hazards:return-of",
    of="parties.Enterprise",
    keys=lambda enterprise: [{"period": period, "enterprise": enterprise.pk} for period in PERIODS],
    record="enterprise",
)
