from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path

from anlan.kernel.registers.api import api, nothing_here


def home(request: HttpRequest) -> HttpResponse:
    return HttpResponse("安澜")


urlpatterns = [
    path("", home, name="home"),
    path("", include("anlan.parties.urls")),
    path("", include("anlan.kernel.urls")),
    path("api/v1/", api.urls),
    re_path(r"^api/v1/", nothing_here),
    path("r/", include("anlan.kernel.registers.urls")),
    path("c/", include("anlan.kernel.cases.urls")),
    path("hazards/", include("anlan.offices.hazards.urls")),
]
