"""Circulars of criticism and thanks: seen by scope, objected to in time, answered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from anlan.kernel import clock
from anlan.kernel.cases import FieldError, MoveRefused
from anlan.kernel.cases.models import EvidenceFile
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.supervision.models import Circular

from .conftest import NOON, TESTER, drafted, go, out, photo, sees

pytestmark = pytest.mark.django_db


def issued(people: Any, to: Any, genre: str = "criticism") -> Any:
    (made,) = out(people, drafted(people["city"], to, genre=genre))
    return made


def test_criticism_is_issued_objected_to_and_upheld(people: Any, bodies: Any) -> None:
    made = issued(people, bodies["yubei"])
    assert [sees(people[n], made) for n in ("yubei", "banan", "mine")] == [True, False, False]
    made = go(people["yubei"], made, "object", objection="其中3件已申请延期", grounds=[photo()])
    assert (made.state, made.objected_at) == ("objected", NOON)
    made = go(people["city"], made, "uphold", answer="延期申请未获批准")
    assert (made.state, made.closed_at) == ("stands", NOON)


def test_an_objection_may_be_right(people: Any, bodies: Any) -> None:
    made = issued(people, bodies["yubei"])
    go(people["yubei"], made, "object", objection="数据有误")
    assert go(people["city"], made, "revoke", answer="核实数据有误，予以撤销").state == "revoked"


def test_who_is_criticised_may_take_note_of_it(people: Any, bodies: Any) -> None:
    made = issued(people, bodies["yubei"])
    assert go(people["yubei"], made, "consent").state == "stands"


def test_after_the_time_to_object_nobody_does_and_it_stands(people: Any, bodies: Any) -> None:
    made = issued(people, bodies["yubei"])
    with pytest.raises(MoveRefused, match="gate"):
        go(people["city"], made, "expire")
    with clock.frozen(NOON + timedelta(days=20)):
        with pytest.raises(MoveRefused, match="gate"):
            go(people["yubei"], made, "object", objection="迟到的异议")
        assert go(people["city"], made, "expire").state == "stands"


def test_thanks_are_at_an_end_when_they_are_issued(people: Any, bodies: Any) -> None:
    made = issued(people, bodies["yubei"], "thanks")
    assert (made.state, made.issued_at, made.closed_at) == ("stands", NOON, NOON)


@pytest.mark.parametrize(("who", "move"), [("yubei", "uphold"), ("yubei", "revoke"), ("city", "object")])
def test_nobody_does_the_others_part(people: Any, bodies: Any, who: str, move: str) -> None:
    made = issued(people, bodies["yubei"])
    if who == "yubei":
        go(people["yubei"], made, "object", objection="x")
    with pytest.raises(MoveRefused):
        go(people[who], made, move, answer="x", objection="x")


@pytest.mark.parametrize(("genre", "measure"), [("thanks", "veto"), ("thanks", "deduct"), ("criticism", "reward")])
def test_nobody_is_thanked_by_a_veto_or_criticised_by_a_reward(
    people: Any, bodies: Any, genre: str, measure: str
) -> None:
    with pytest.raises(FieldError) as refused:
        drafted(people["city"], bodies["yubei"], genre=genre, measure=measure)
    assert set(refused.value.errors) == {"measure"}
    letter = drafted(people["city"], bodies["yubei"], genre=genre)
    with pytest.raises(FieldError):
        go(people["city"], letter, "change", subject="x", grounds="x", measure=measure)


def test_one_press_with_evidence_for_each_addressee(people: Any, bodies: Any) -> None:
    client = Client()
    client.force_login(people["city"])
    page = client.get("/supervision/circulars/new/?genre=thanks").content.decode()
    assert '<option value="thanks" selected>' in page
    said = {
        "token": page.split('name="token" value="')[1].split('"')[0], "subject": "表扬", "grounds": "提前完成",
        "genre": "thanks", "measure": "reward", "asked": "", "to": [bodies["yubei"].pk, bodies["banan"].pk],
        "evidence": SimpleUploadedFile("x.png", photo()),
    }  # fmt: skip
    answer = client.post("/supervision/circulars/new/", said)
    assert answer.status_code == 302, answer.content.decode()
    with acting(TESTER, EVERYWHERE):
        made = list(Circular.objects.all())
        assert [one.state for one in made] == ["draft", "draft"]
        assert [EvidenceFile.of(one).count() for one in made] == [1, 1]
