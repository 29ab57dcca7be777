"""Authorities, people and helpers of the supervision office's tests."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from anlan.kernel import cases, clock
from anlan.kernel.clock import BEIJING
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.supervision import issuing
from anlan.parties.models import Account, Authority, Enterprise, Person, Post
from anlan.parties.papers import issuing as numbering

NOON = datetime(2013, 6, 14, 12, tzinfo=BEIJING)
TESTER = Actor("test", "tests")
CITY, YUBEI, BANAN = "500000000000", "500112000000", "500113000000"
FACTS = {
    "subject": "控制死亡人数", "grounds": "1—5月死亡人数超过控制进度", "asked": "专题研究，落实措施",
    "answer_by": date(2013, 7, 1),
}  # fmt: skip


@pytest.fixture(autouse=True)
def still(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.HOME = tmp_path
    # Files are another floor's, and take their second each; one test here looks at the real ones.
    monkeypatch.setattr(numbering, "render", lambda paper, form: b"%PDF-1.4 " + paper.title.encode())
    with clock.frozen(NOON):
        yield


@pytest.fixture
def bodies() -> dict[str, Authority]:
    rows = {
        "city": ("重庆市安全生产委员会办公室", "渝安委办", "committee_office", 1, CITY, None),
        "transport": ("重庆市交通委员会", "渝交委", "department", 1, CITY, ["road", "water"]),
        "coal": ("重庆市煤炭工业管理局", "渝煤管局", "department", 1, CITY, ["coal"]),
        "yubei": ("重庆市渝北区人民政府", "渝北府", "government", 2, YUBEI, None),
        "banan": ("重庆市巴南区人民政府", "巴南府", "government", 2, BANAN, None),
    }
    with acting(TESTER, EVERYWHERE):
        return {
            key: Authority.objects.create(
                name=name, short_name=short, kind=kind, tier=tier, area_code=area, industries=industries
            )
            for key, (name, short, kind, tier, area, industries) in rows.items()
        }


Make = Callable[..., Account]


@pytest.fixture
def account() -> Make:
    def make(username: str, role: str, area: str, **more: Any) -> Account:
        with acting(TESTER, EVERYWHERE):
            return Account.objects.create(username=username, name=username, role=role, area_code=area, **more)

    return make


@pytest.fixture
def people(account: Make, bodies: dict[str, Authority]) -> dict[str, Account]:
    with acting(TESTER, EVERYWHERE):
        mine = Enterprise.objects.create(name="龙兴煤矿", area_code="500112131000", industry_id="coal")
        head = Person.objects.create(name="何主任", area_code=CITY)
        Post.objects.create(person=head, authority=bodies["city"], title="主任", head=True)
    return {
        "city": account("city", "city", CITY, authority=bodies["city"]),
        "reviewer": account("reviewer", "city", CITY, authority=bodies["city"]),
        "head": account("head", "city", CITY, authority=bodies["city"], person=head),
        "yubei": account("yubei", "district", YUBEI),
        "banan": account("banan", "district", BANAN),
        "transport": account("transport", "department", CITY, industries=["road"], authority=bodies["transport"]),
        "coal": account("coal", "department", CITY, industries=["coal"], authority=bodies["coal"]),
        "mine": account("mine", "enterprise", mine.area_code, enterprise=mine),
    }


def photo() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 3), "teal").save(out, "PNG")
    return out.getvalue()


def as_(who: Account) -> Any:
    """Acts as that person, within his own scope."""
    return acting(who.actor, who.scope)


def go(who: Account, case: Any, move: str, **facts: Any) -> Any:
    """A person's move, on the case as he sees it in his own scope."""
    with as_(who):
        seen = type(case).objects.get(pk=case.pk)
        return cases.move(seen, move, by=who, seen_version=seen.version, facts_=facts)


def drafted(who: Account, *to: Any, genre: str = "order", **more: Any) -> Any:
    """A letter to those, in draft."""
    own = (
        FACTS if genre == "order" else {"subject": "事故隐患整改", "grounds": "逾期12件未整改", "measure": "circulate"}
    )
    with as_(who):
        return issuing.draft(genre, who, to, {}, **{**own, **more})


def cases_of(letter: Any) -> list[Any]:
    with acting(TESTER, EVERYWHERE):
        return issuing.addressed(type(letter).objects.get(pk=letter.pk))


def out(people: dict[str, Account], letter: Any) -> list[Any]:
    """The letter through its whole chain; its cases as they were delivered."""
    for who, move in (
        ("city", "submit"),
        ("reviewer", "pass"),
        ("head", "sign"),
        ("city", "issue"),
        ("city", "publish"),
    ):
        letter = go(people[who], letter, move)
    return cases_of(letter)


def sees(who: Account, case: Any) -> bool:
    with as_(who):
        return bool(type(case).objects.filter(pk=case.pk).exists())
