from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse("安澜")


urlpatterns = [
    path("", home, name="home"),
    path("", include("anlan.parties.urls")),
    path("", include("anlan.kernel.urls")),
    path("r/", include("anlan.kernel.registers.urls")),
    path("c/", include("anlan.kernel.cases.urls")),
    path("hazards/", include("anlan.offices.hazards.urls")),
]
