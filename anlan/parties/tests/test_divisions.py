"""Divisions of Chongqing, and what a merger must not do to last year."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path

import pytest

from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties import reference
from anlan.parties.models import Division, Enterprise, Industry, IndustryClass

TESTER = Actor("test", "tests")
pytestmark = pytest.mark.django_db


def test_chongqing_has_38_districts_1031_townships_11270_villages() -> None:
    with acting(TESTER, EVERYWHERE):
        assert [Division.objects.filter(tier=t).count() for t in (1, 2, 3, 4)] == [1, 38, 1031, 11270]
        yubei = Division.objects.get(pk="500112000000")
        assert (yubei.name, yubei.pinyin, yubei.parent_id) == ("渝北区", "ybq", "500000000000")
        village = Division.objects.filter(tier=4).first()
        assert village is not None
        assert village.code.startswith(village.parent.prefix)


def test_a_merger_does_not_rewrite_last_year() -> None:
    with acting(TESTER, EVERYWHERE):
        old, new = Division.objects.get(pk="500103000000"), Division.objects.get(pk="500105000000")
        kept = Enterprise.objects.create(name="重庆甲厂", area_code="500103001000")
        below = old.inside().count()
        assert below > 10
        old.merge_into(new, date(2014, 1, 1))
        assert Division.at(date(2013, 12, 31)).filter(pk=old.pk).exists()
        assert not Division.at(date(2014, 1, 1)).filter(pk=old.pk).exists()
        assert Division.at(date(2013, 6, 1)).count() - Division.at(date(2014, 1, 1)).count() == below
        assert list(new.predecessors.all()) == [old]
        kept.refresh_from_db()
        assert kept.area_code == "500103001000"


def test_a_division_cannot_be_merged_into_itself_or_into_one_that_is_gone() -> None:
    with acting(TESTER, EVERYWHERE):
        a, b, c = (Division.objects.get(pk=f"50010{n}000000") for n in (3, 5, 6))
        with pytest.raises(ValueError, match="outside"):
            a.merge_into(Division.objects.get(pk="500103001000"), date(2014, 1, 1))
        a.merge_into(b, date(2014, 1, 1))
        with pytest.raises(ValueError, match="exist"):
            c.merge_into(a, date(2015, 1, 1))


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("500000000000,重庆市,\n50011200000,渝北区,500000000000", "not a 12-digit code"),
        ("500000000000,重庆市,\n500112000000,渝北区,510000000000", "has no parent"),
        ("500000000000,重庆市,", "expected"),
    ],
)
def test_a_file_with_a_hole_is_refused_as_a_whole(tmp_path: Path, lines: str, fault: str) -> None:
    path = tmp_path / "d.csv.gz"
    path.write_bytes(gzip.compress(f"code,name,parent\n{lines}\n".encode()))
    with pytest.raises(reference.BadReference, match=fault):
        reference.read_divisions(path, {1: 1, 2: 1})


@pytest.mark.parametrize(
    ("code", "industry"),
    [
        ("0610", "coal"),
        ("5264", "hazchem"),
        ("5261", "trade"),
        ("2672", "fireworks"),
        ("2671", "civil_explosives"),
        ("2614", "hazchem"),
        ("5420", "road"),
        ("4500", None),
        ("9999", None),
    ],
)
def test_the_longest_prefix_of_gb_4754_names_the_supervised_industry_or_none(code: str, industry: str | None) -> None:
    assert IndustryClass.industry_of(code) == industry


def test_the_notice_supervises_19_industries() -> None:
    assert Industry.objects.count() == 19
