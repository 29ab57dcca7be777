"""`anlan translations check`: what is missing, said twice or said by nothing is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from anlan.site import translations

CATALOGUE = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'


@pytest.mark.parametrize(
    ("code", "entry", "fault"),
    [
        ('_("Danger")', 'msgid "Danger"\nmsgstr "隐患"\n', None),
        ('_("Danger")', "", "in no catalogue: 'Danger'"),
        ('_("Danger")', 'msgid "Danger"\nmsgstr ""\n', "untranslated: 'Danger'"),
        ("", 'msgid "Danger"\nmsgstr "隐患"\n', "nothing says 'Danger'"),
        ('pgettext("risk", "Danger")', 'msgid "Danger"\nmsgstr "隐患"\n', "in no catalogue: 'Danger'"),
    ],
)
def test_each_slip_of_a_catalogue_is_told(
    code: str, entry: str, fault: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "anlan"
    (package / "locale").mkdir(parents=True)
    (package / "code.py").write_text(code)
    (package / "locale" / "django.po").write_text(CATALOGUE + entry)
    monkeypatch.setattr(translations, "PACKAGE", package)
    found = translations.faults()
    assert not found if fault is None else any(one.endswith(fault) for one in found)
