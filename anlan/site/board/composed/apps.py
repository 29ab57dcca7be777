from django.apps import AppConfig


class BoardsConfig(AppConfig):
    name = "anlan.site.board.composed"
    label = "boards"
