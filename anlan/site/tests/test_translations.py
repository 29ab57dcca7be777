"""`anlan translations check`: what is missing, said twice or said by nothing is told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import override

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


def test_a_message_of_django_may_be_said_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "django.po").write_text(CATALOGUE + 'msgid "This field is required."\nmsgstr "此项必填。"\n')
    monkeypatch.setattr(translations, "PACKAGE", tmp_path)
    assert not translations.faults()


@pytest.mark.parametrize(
    ("field", "given", "words"),
    [
        (forms.CharField(), "", "此项必填。"),
        (forms.CharField(max_length=2), "三个字", "不得超过 2 个字（现为 3 个字）。"),
        (forms.IntegerField(), "三", "请输入整数。"),
        (forms.IntegerField(min_value=0), "-1", "不得小于 0。"),
        (forms.IntegerField(max_value=9), "10", "不得大于 9。"),
        (forms.IntegerField(step_size=5), "3", "应为 5 的整数倍。"),
        (forms.DecimalField(), "三", "请输入数字。"),
        (forms.DecimalField(decimal_places=2), "0.001", "小数不得超过 2 位。"),
        (forms.DateField(), "昨天", "请输入有效日期。"),
        (forms.TimeField(), "早上", "请输入有效时间。"),
        (forms.DateTimeField(), "昨天早上", "请输入有效的日期和时间。"),
        (forms.EmailField(), "无", "请输入有效的电子邮箱地址。"),
        (forms.URLField(assume_scheme="https"), "无", "请输入有效网址。"),
        (forms.ChoiceField(choices=[("1", "甲")]), "丙", "“丙”不在可选范围内，请重新选择。"),
        (forms.FileField(), None, "此项必填。"),
    ],
)
def test_what_django_says_of_a_field_reads_like_an_office(field: forms.Field, given: str | None, words: str) -> None:
    with override("zh-hans"), pytest.raises(ValidationError) as caught:
        field.clean(given)
    assert caught.value.messages == [words]
