from django.urls import include, path, re_path

import anlan.kernel.cases.api
import anlan.offices.accidents.api
import anlan.offices.monitoring.api  # noqa: F401
from anlan.kernel.addresses import spelled
from anlan.kernel.registers.api import api, nothing_here

from . import views
from .board import views as board
from .board.content import NAMES

urlpatterns = [
    path("", views.home, name="home"),
    path("search", views.search, name="search"),
    path("board/", board.board, name="board"),
    path("board/wall/", board.wall, name="board-wall"),
    path("board/sheets/<slug:name>.csv", board.sheet, name="board-sheet"),
    path("boards/", include("anlan.site.board.composed.urls")),
    path("", include("anlan.parties.urls")),
    path("", include("anlan.kernel.urls")),
    path("api/v1/", api.urls),
    re_path(r"^api/v1/", nothing_here),
    path("r/", include("anlan.kernel.sheets.urls")),
    path("r/", include("anlan.kernel.registers.urls")),
    path("c/", include("anlan.kernel.cases.urls")),
    path("honesty/", include("anlan.kernel.honesty.urls")),
    path("plan/", include("anlan.offices.plan.urls")),
    path("hazards/", include("anlan.offices.hazards.urls")),
    path("monitoring/", include("anlan.offices.monitoring.urls")),
    path("papers/", include("anlan.parties.papers.urls")),
    path("public/", include("anlan.offices.hazards.public_urls")),
    path("public/", include("anlan.parties.papers.public_urls")),
    path("accidents/", include("anlan.offices.accidents.urls")),
    path("supervision/", include("anlan.offices.supervision.urls")),
    path("enforcement/", include("anlan.offices.enforcement.urls")),
]

spelled("board-sheet", values=lambda: [{"name": name} for name in NAMES])

handler400 = views.bad_request
handler403 = views.forbidden
handler404 = views.not_found
handler500 = views.server_error
