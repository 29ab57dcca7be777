"""Joint meetings: called, attended, minuted; decisions become tasks, and the next one begins with what is left."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.translation import override

from anlan.kernel import cases, clock, events
from anlan.kernel.cases import MoveRefused
from anlan.kernel.cases.engine import Stale
from anlan.kernel.clock import BEIJING
from anlan.kernel.models import Notice
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.supervision import issuing, meetings, units
from anlan.offices.supervision.meetings import Decided
from anlan.offices.supervision.models import Invitation, Letter, Meeting, Resolution, Task

from .conftest import CITY, NOON, TESTER, as_, go, out, photo, sees

pytestmark = pytest.mark.django_db
HELD = datetime(2013, 6, 17, 15, tzinfo=BEIJING)


def called(people: Any, bodies: Any, held_at: datetime = HELD, title: str = "第二次联席会议") -> Meeting:
    with as_(people["city"]):
        return meetings.call(
            people["city"], [bodies[n] for n in ("yubei", "banan", "transport")], title=title, held_at=held_at,
            place="市安委办会议室", agenda="一、通报情况",
        )  # fmt: skip


def held(people: Any, bodies: Any, **more: Any) -> Any:
    meeting = called(people, bodies, **more)
    with clock.frozen(meeting.held_at + timedelta(hours=2)):
        return go(people["city"], meeting, "hold")


def minuted(people: Any, bodies: Any, meeting: Any) -> Any:
    who = people["city"]
    with as_(who):
        everybody = {one.pk: ("present", "") for one in meeting.invitations.all()}
        meeting = meetings.record(meeting, who, meeting.version, everybody)
        decided = [
            Decided("排查临水临崖路段", (bodies["transport"], bodies["yubei"]), "张三", date(2013, 7, 31)),
            Decided("原则同意工作方案"),
        ]
        return meetings.write(meeting, who, meeting.version, "会议听取了汇报。", decided)


def issued(people: Any, meeting: Any) -> Any:
    """The minutes' paper through its chain; the meeting as it then stands."""
    with as_(people["city"]):
        letter = issuing.draft_minutes(meeting, people["city"])
    out(people, letter)
    with acting(TESTER, EVERYWHERE):
        return Meeting.objects.get(pk=meeting.pk)


def test_who_is_invited_sees_the_invitation_and_not_the_meeting(people: Any, bodies: Any) -> None:
    meeting = called(people, bodies)
    assert [sees(people[n], meeting) for n in ("city", "yubei", "transport", "coal")] == [True, False, False, False]
    for name, many in (("city", 3), ("yubei", 1), ("banan", 1), ("transport", 1), ("coal", 0), ("mine", 0)):
        with as_(people[name]):
            assert Invitation.objects.count() == many, name
    events.deliver_due()
    with acting(TESTER, EVERYWHERE):
        told = {n.account_id for n in Notice.objects.filter(message__startswith="You are asked to a meeting")}
    assert told == {people[n].pk for n in ("yubei", "banan", "transport")}


def test_minutes_become_tasks_by_one_press_and_show_how_each_decision_stands(people: Any, bodies: Any) -> None:
    city, yubei = people["city"], people["yubei"]
    meeting = minuted(people, bodies, held(people, bodies))
    with pytest.raises(MoveRefused, match="gate"):
        go(city, meeting, "issue")
    meeting = issued(people, meeting)
    assert (meeting.state, meeting.closed_at) == ("issued", NOON)
    with acting(TESTER, EVERYWHERE):
        road, home = Task.objects.order_by("number")
    with as_(people["banan"]):
        paper = Invitation.objects.get().paper
        assert paper is not None
        assert paper.title == "第二次联席会议纪要", "who was invited reads the minutes"
    assert (road.area_code, road.industry_id, home.area_code) == (CITY, "road", "500112000000")
    assert [sees(people[n], home) for n in ("city", "yubei", "banan", "transport")] == [True, True, False, False]
    assert [sees(people[n], road) for n in ("transport", "coal", "yubei")] == [True, False, False]
    home = go(yubei, home, "progress", progress="已排查12公里")
    home = go(yubei, home, "report", result="已完成", proof=[photo()])
    with pytest.raises(MoveRefused):
        go(yubei, home, "accept")
    go(city, home, "accept")
    client = Client()
    client.force_login(city)
    page = client.get(meeting.get_absolute_url()).content.decode()
    assert "原则同意工作方案" in page
    with as_(city):
        states = [[task.state for task in tasks] for _one, tasks in meetings.how_it_stands(meeting)]
    assert states == [["open", "closed"], []]


def test_minutes_that_are_taken_back_take_their_tasks_along_and_are_written_anew(people: Any, bodies: Any) -> None:
    city = people["city"]
    meeting = issued(people, minuted(people, bodies, held(people, bodies)))
    with pytest.raises(MoveRefused, match="gate"):
        go(city, meeting, "reopen", reason="其文仍在")
    with acting(TESTER, EVERYWHERE):
        letter = Letter.objects.get(meeting=meeting)
        done = Task.objects.get(area_code="500112000000")
    done = go(people["yubei"], done, "report", result="已完成", proof=[photo()])
    go(city, done, "accept")
    go(people["head"], letter, "revoke", reason="议定事项有误")
    with acting(TESTER, EVERYWHERE):
        meeting = Meeting.objects.get(pk=meeting.pk)
        assert sorted(Task.objects.values_list("state", flat=True)) == ["closed", "revoked"]
        assert (meeting.state, meeting.paper, meeting.closed_at) == ("held", None, None)
        assert set(meeting.invitations.values_list("paper", flat=True)) == {None}
    meeting = issued(people, minuted(people, bodies, meeting))
    assert meeting.state == "issued"
    with acting(TESTER, EVERYWHERE):
        assert Task.objects.filter(state="open", resolution__meeting=meeting).count() == 2


def test_minutes_wait_until_attendance_and_days_are_said(people: Any, bodies: Any) -> None:
    meeting, who = held(people, bodies), people["city"]
    assert "Say first" in str(said(people, meeting))
    with as_(who):
        everybody = {one.pk: ("present", "") for one in meeting.invitations.all()}
        meeting = meetings.record(meeting, who, meeting.version, everybody)
        meeting = meetings.write(meeting, who, meeting.version, "", [Decided("排查", (bodies["yubei"],))])
    assert "not until when" in str(said(people, meeting))
    client = Client()
    client.force_login(who)
    client.post(f"/supervision/meetings/{meeting.number}/letter/")
    with as_(who):
        assert issuing.live(meeting) is None


def said(people: Any, meeting: Any) -> Any:
    with as_(people["city"]), override("en"):
        return str(meetings.incomplete(meeting))


def test_minutes_that_are_changed_change_their_paper_while_it_is_a_draft(people: Any, bodies: Any) -> None:
    meeting, who = minuted(people, bodies, held(people, bodies)), people["city"]
    client = Client()
    client.force_login(who)
    assert client.post(f"/supervision/meetings/{meeting.number}/letter/").status_code == 302
    with as_(who):
        letter = issuing.live(meeting)
        assert letter is not None
        meetings.write(
            meeting, who, meeting.version, "", [Decided("另一决定", (bodies["yubei"],), "", date(2013, 8, 1))]
        )
        assert "另一决定" in Letter.objects.get(pk=letter.pk).machine
    go(who, letter, "submit")
    with as_(who), pytest.raises(MoveRefused, match="letter"):
        meetings.write(Meeting.objects.get(pk=meeting.pk), who, meeting.version + 1, "", [Decided("x")])


def test_the_next_meeting_begins_with_what_the_last_one_decided_and_is_not_done(people: Any, bodies: Any) -> None:
    meeting = issued(people, minuted(people, bodies, held(people, bodies)))
    following = called(people, bodies, HELD + timedelta(days=30), "第三次联席会议")
    with as_(people["city"]):
        assert [task.addressee_name for task in meetings.left_over(following)] == [
            "重庆市交通委员会",
            "重庆市渝北区人民政府",
        ]
        assert not meetings.left_over(meeting).exists()
    client = Client()
    client.force_login(people["city"])
    page = client.get(following.get_absolute_url()).content.decode()
    assert page.index("排查临水临崖路段") < page.index("市安委办会议室"), "it stands before the facts"


def test_who_leads_stays_first_of_those_that_a_decision_names(people: Any, bodies: Any) -> None:
    meeting, who = held(people, bodies), people["city"]
    two = (bodies["transport"], bodies["yubei"])
    with as_(who):
        meeting = meetings.record(
            meeting, who, meeting.version, {i.pk: ("present", "") for i in meeting.invitations.all()}
        )
        decided = [Decided("甲", two, "", date(2013, 7, 31)), Decided("乙", two[::-1], "", date(2013, 7, 31))]
        meeting = meetings.write(meeting, who, meeting.version, "", decided)
    with acting(TESTER, EVERYWHERE):
        # Where it is not told otherwise the database gives links as they were written last, or as the authorities lie.
        for leader, one in zip(two, meeting.resolutions.all(), strict=True):
            links = Resolution.units.through._default_manager.filter(resolution=one, authority=leader)
            assert links.update(authority=leader) == 1
    meeting = issued(people, meeting)
    named = [[body.name for body in one.units] for one in decided]
    with acting(TESTER, EVERYWHERE):
        assert [one.addressee_name for one in Task.objects.order_by("pk")] == [*named[0], *named[1]]
        assert meeting.paper is not None
        assert [one["units"] for one in json.loads(meeting.paper.facts)["decisions"]] == named


def test_two_who_write_at_once_are_told_of_each_other(people: Any, bodies: Any) -> None:
    meeting, who = held(people, bodies), people["city"]
    with as_(who):
        meetings.write(meeting, who, meeting.version, "甲", [Decided("甲")])
        with pytest.raises(Stale):
            meetings.write(meeting, who, meeting.version, "乙", [Decided("乙")])
        assert [one.text for one in meeting.resolutions.all()] == ["甲"]


def test_a_meeting_is_changed_before_it_is_held_and_those_invited_read_it_so(people: Any, bodies: Any) -> None:
    meeting = called(people, bodies)
    facts = {"title": "改期", "held_at": "2013-06-18 09:00", "place": "二会议室", "agenda": "一、通报"}
    meeting = go(people["city"], meeting, "change", **facts)
    with pytest.raises(MoveRefused, match="gate"):
        go(people["city"], meeting, "hold")
    with as_(people["yubei"]):
        assert Invitation.objects.get().place == "二会议室"
    go(people["city"], meeting, "cancel", reason="合并召开")
    with as_(people["yubei"]):
        assert Invitation.objects.get().cancelled


def test_an_invitation_is_answered_by_who_was_asked_until_it_begins(people: Any, bodies: Any) -> None:
    meeting = called(people, bodies)
    with acting(TESTER, EVERYWHERE):
        own = Invitation.objects.get(meeting=meeting, authority=bodies["yubei"])
        other = Invitation.objects.get(meeting=meeting, authority=bodies["banan"])
    client = Client()
    client.force_login(people["yubei"])
    assert "第二次联席会议" in client.get(f"/r/meeting-invitations/{own.pk}/").content.decode()

    def answered(key: int, **said: str) -> int:
        return client.post(f"/supervision/invitations/{key}/answer/", said).status_code

    assert answered(other.pk, state="coming") == 404
    assert answered(own.pk, state="present", who="x") == 302
    assert answered(own.pk, state="excused") == 302
    with acting(TESTER, EVERYWHERE):
        assert Invitation.objects.get(pk=own.pk).state == "invited", "no reason is no excuse, nobody attends beforehand"
    assert answered(own.pk, state="coming", who="分管副区长") == 302
    with acting(TESTER, EVERYWHERE):
        kept = Invitation.objects.get(pk=own.pk)
    assert (kept.state, kept.who) == ("coming", "分管副区长")
    with clock.frozen(HELD):
        assert answered(own.pk, state="excused", note="x") == 403


# --- The page of the minutes ---------------------------------------------------------------------------


def rows(*said: dict[str, str], version: int, **more: str) -> dict[str, str]:
    made = {"how": "keep", "summary": "", "seen_version": str(version), "d-TOTAL_FORMS": str(len(said)),
            "d-INITIAL_FORMS": "0", **more}  # fmt: skip
    for n, one in enumerate(said):
        made |= {f"d-{n}-{name}": value for name, value in {"take": "on", **one}.items()}
    return made


def test_pasted_text_is_shown_for_confirmation_and_kept_as_confirmed(people: Any, bodies: Any) -> None:
    meeting = held(people, bodies)
    client = Client()
    client.force_login(people["city"])
    path = f"/supervision/meetings/{meeting.number}/minutes/"
    said = (
        "会议听取汇报。\n1. 排查护栏（责任单位：市交委、渝北区政府；完成时限：7月31日前）\n2. 检查。责任单位：市旅游局"
    )
    page = client.post(path, {"how": "read", "pasted": said})
    text = page.content.decode()
    assert page.status_code == 200
    assert "会议听取汇报。" in text
    assert 'value="2013-07-31"' in text
    assert "市旅游局" in text
    with as_(people["city"]):
        assert not meeting.resolutions.exists(), "shown, not kept"
    wrong = client.post(path, rows({"text": "检查", "units": "市旅游局"}, version=meeting.version))
    assert wrong.status_code == 422
    kept = rows(
        {"text": "排查护栏", "units": "市交委、渝北区政府", "due_on": "2013-07-31"}, {"text": "不要", "take": ""},
        version=meeting.version,
    )  # fmt: skip
    assert client.post(path, kept).status_code == 302
    with as_(people["city"]):
        (one,) = meeting.resolutions.all()
        assert [unit.name for unit in one.units.order_by("pk")] == ["重庆市交通委员会", "重庆市渝北区人民政府"]
    late = client.post(path, kept)
    assert late.status_code == 422, "the version that was seen is no longer the one that is kept"


@pytest.mark.parametrize("said", [
    {"how": "read", "pasted": ""}, {"how": "read", "pasted": "没有编号"}, {"how": "read", "pasted": "1. x\n" * 200},
    {"how": "read", "pasted": "x" * 50_000}, {"how": "keep"},
    {"how": "keep", "d-TOTAL_FORMS": "x", "seen_version": "1"},
    {"how": "keep", "d-TOTAL_FORMS": "1", "d-INITIAL_FORMS": "0", "seen_version": "9", "d-0-due_on": "0001-01-01"},
    {"how": "keep", "d-TOTAL_FORMS": "9999", "d-INITIAL_FORMS": "0", "seen_version": "2"},
])  # fmt: skip
def test_what_cannot_be_minutes_is_refused_with_words(people: Any, bodies: Any, said: dict[str, str]) -> None:
    meeting = held(people, bodies)
    client = Client()
    client.force_login(people["city"])
    answer = client.post(f"/supervision/meetings/{meeting.number}/minutes/", said)
    assert answer.status_code == 422
    with as_(people["city"]):
        assert not meeting.resolutions.exists()


def test_attendance_is_kept_and_the_others_were_present(people: Any, bodies: Any) -> None:
    meeting = held(people, bodies)
    client = Client()
    client.force_login(people["city"])
    with as_(people["city"]):
        keys = {one.authority.name: one.pk for one in meeting.invitations.select_related("authority")}
    away = keys["重庆市巴南区人民政府"]
    said = {"seen_version": meeting.version, f"state-{away}": "absent", f"who-{away}": "", "rest": "present"}
    path = f"/supervision/meetings/{meeting.number}/attendance/"
    client.post(path, said | {"seen_version": "x"})
    client.post(path, said | {f"who-{away}": "\u202e"})
    with as_(people["city"]):
        assert {one.state for one in meeting.invitations.all()} == {"invited"}
    client.post(path, said)
    with as_(people["city"]):
        assert {one.pk for one in meeting.invitations.filter(state="absent")} == {away}
        assert meeting.invitations.filter(state="present").count() == 2


def test_nobody_else_writes_them(people: Any, bodies: Any) -> None:
    meeting = held(people, bodies)
    for name, status in (("yubei", 404), ("transport", 404)):
        client = Client()
        client.force_login(people[name])
        assert client.get(f"/supervision/meetings/{meeting.number}/minutes/").status_code == status
    with as_(people["yubei"]), pytest.raises(Meeting.DoesNotExist):
        meetings.write(meeting, people["yubei"], meeting.version, "", [])


def test_a_meeting_is_called_by_one_press_however_often_it_is_sent(people: Any, bodies: Any) -> None:
    client = Client()
    client.force_login(people["city"])
    page = client.get("/supervision/meetings/new/").content.decode()
    said = {
        "token": page.split('name="token" value="')[1].split('"')[0], "title": "联席会议",
        "held_at": "2013-06-20T09:00", "place": "会议室", "chair": "", "agenda": "一、通报", "to": [bodies["yubei"].pk],
    }  # fmt: skip
    first = client.post("/supervision/meetings/new/", said)
    assert first.status_code == 302, first.content.decode()
    assert client.post("/supervision/meetings/new/", said)["Location"] == first["Location"]
    for wrong in ({"held_at": "2013-06-01T09:00"}, {"to": []}, {"agenda": ""}, {"held_at": "0001-01-01T00:00"}):
        assert client.post("/supervision/meetings/new/", said | wrong).status_code == 422
    with acting(TESTER, EVERYWHERE):
        assert Meeting.objects.count() == 1


# --- Names -----------------------------------------------------------------------------------------------


def test_authorities_are_known_by_their_names_in_short_and_all_at_once(bodies: Any) -> None:
    with acting(TESTER, EVERYWHERE):
        known = units.known(CITY)
        for name, key in (("市交委", "transport"), ("渝北区政府", "yubei"), ("重庆市巴南区人民政府", "banan")):
            assert known[name] == (bodies[key],), name
        assert set(known["各区县人民政府"]) == {bodies["yubei"], bodies["banan"]}
        assert units.resolved("市交委， 各区县、火星", known)[1] == ["火星"]
        every = units.EVERY[2][0]
        assert units.resolved(units.written(known["各区县"], known), known) == (list(known[every]), [])


def test_a_district_calls_its_own_by_what_they_are(bodies: Any) -> None:
    with acting(TESTER, EVERYWHERE):
        known = units.known(bodies["yubei"].area_code)
        assert known["区人民政府"] == known["区政府"] == known["渝北区政府"] == (bodies["yubei"],)
        assert "区政府" not in units.known(CITY)


def test_tasks_are_opened_in_a_constant_number_of_statements(
    people: Any, bodies: Any, django_assert_max_num_queries: Any
) -> None:
    meeting = minuted(people, bodies, held(people, bodies))
    with as_(people["city"]):
        letter = issuing.draft_minutes(meeting, people["city"])
    for who, move in (("city", "submit"), ("reviewer", "pass"), ("head", "sign"), ("city", "issue")):
        go(people[who], letter, move)
    with django_assert_max_num_queries(75):
        go(people["city"], letter, "publish")
    with acting(TESTER, EVERYWHERE):
        assert Task.objects.count() == 2


def test_a_task_needs_its_decision_no_longer_than_its_day(people: Any, bodies: Any) -> None:
    issued(people, minuted(people, bodies, held(people, bodies)))
    with acting(TESTER, EVERYWHERE):
        task = Task.objects.order_by("number").last()
    assert task is not None
    assert task.due_at == datetime(2013, 7, 31, 23, 59, 59, tzinfo=BEIJING)
    with pytest.raises(cases.FieldError):
        go(people["yubei"], task, "report", result="x")
