"""Addresses that lead nowhere, though who follows them can be told where to go on."""

from __future__ import annotations

from django.http import Http404
from django.utils.translation import get_language


class Astray(Http404):
    """An address that asks for something that cannot be.

    `text` says in one sentence what is wrong with it; `url` leads on, and `words` say where to. The answer is in the
    language in force where it is raised.
    """

    def __init__(self, text: str, url: str, words: str) -> None:
        super().__init__(text)
        self.text, self.url, self.words, self.language = text, url, words, get_language()
