from django.urls import path

from anlan.kernel.addresses import keyed

from . import views

app_name = "boards"
urlpatterns = [
    path("", views.boards, name="list"),
    path("new/", views.new, name="new"),
    path("preview/", views.preview, name="preview"),
    path("wall/", views.wall, name="wall"),
    path("<int:key>/", views.board, name="board"),
    path("<int:key>/edit/", views.edit, name="edit"),
    path("<int:key>/share/", views.share, name="share"),
    path("<int:key>/copy/", views.copy, name="copy"),
    path("<int:key>/delete/", views.delete, name="delete"),
    path("<int:key>/restore/", views.restore, name="restore"),
    path("<int:key>/board.yaml", views.file, name="file"),
    path("<int:key>/tiles/<int:place>.csv", views.sheet, name="sheet"),
]

_ADDRESSES = ("board", "edit", "share", "copy", "delete", "restore", "file")
keyed(*(f"boards:{name}" for name in _ADDRESSES), of="boards.Board", keys=lambda row: {"key": row.pk}, record="key")
keyed("boards:sheet", of="boards.Board", keys=lambda row: {"key": row.pk, "place": 0}, record="key")
