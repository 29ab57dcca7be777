"""Events: told with the fact or not at all, heard at least once, done exactly once in the database."""

from __future__ import annotations

import pytest

from anlan.kernel import events
from anlan.kernel.models import Delivery, Event
from anlan.kernel.scope import EVERYWHERE, Actor, Scope, acting, acting_now
from anlan.parties.models import Account

TESTER = Actor("test", "tests")
pytestmark = pytest.mark.django_db


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, object]]:
    monkeypatch.setattr(events, "_handlers", {})
    seen: list[tuple[str, object]] = []

    @events.hears("test.happened", handler="test.first")
    def first(event: events.Heard) -> None:
        now = acting_now()
        assert now is not None
        seen.append((event.facts["n"], now))

    @events.hears("test.happened", handler="test.second")
    def second(event: events.Heard) -> None:
        Account.objects.create_user(
            f"made-{event.facts['n']}", None, name="x", role="district", area_code=event.area_code
        )
        if event.facts.get("fails"):
            raise RuntimeError("the second handler broke")

    return seen


def tell(n: int, subject: str = "s", **more: object) -> int:
    with acting(TESTER, Scope("500112")):
        return events.tell("test.happened", area_code="500112000000", subject=subject, n=n, **more)


def test_an_event_is_told_with_the_transaction_or_not_at_all(heard: list) -> None:
    def tell_and_fail() -> None:
        tell(1)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), acting(TESTER, EVERYWHERE):
        tell_and_fail()
    assert events.deliver_due() == 0
    with acting(TESTER, EVERYWHERE):
        assert not Event.objects.exists()


def test_each_handler_hears_once_within_the_scope_of_the_event(heard: list) -> None:
    tell(1)
    assert events.deliver_due() == 2
    assert events.deliver_due() == 0
    assert heard == [(1, (Actor("event", "test.first"), Scope("500112")))]


def test_an_event_beyond_the_tellers_scope_is_refused(heard: list) -> None:
    from django.db import ProgrammingError

    with pytest.raises(ProgrammingError, match="row-level security"), acting(TESTER, Scope("500113")):
        events.tell("test.happened", area_code="500112000000", n=1)
    with pytest.raises(RuntimeError, match="outside of any scope"):
        events.tell("test.happened", area_code="500112000000", n=1)


def test_a_failing_handler_leaves_no_half_work_and_its_error_is_kept(heard: list) -> None:
    event = tell(1, fails=True)
    events.deliver_due()
    with acting(TESTER, EVERYWHERE):
        assert not Account.objects.filter(username="made-1").exists()
        failed = Delivery.objects.get(event=event, handler="test.second")
        assert (failed.state, failed.attempts) == ("waiting", 1)
        assert "the second handler broke" in failed.error
        assert Delivery.objects.get(event=event, handler="test.first").state == "done"


def test_after_the_last_attempt_a_delivery_is_dead_and_can_be_retried(heard: list) -> None:
    event = tell(1, fails=True)
    for _ in range(events.ATTEMPTS + 3):
        with acting(TESTER, EVERYWHERE):
            Delivery.objects.filter(state="waiting").update(next_try="2000-01-01T00:00Z")
        events.deliver_due()
    with acting(TESTER, EVERYWHERE):
        dead = Delivery.objects.get(event=event, handler="test.second")
        assert (dead.state, dead.attempts) == ("dead", events.ATTEMPTS)
        assert events.retry(dead.pk)
        assert not events.retry(dead.pk)


def test_one_handler_hears_one_subject_in_order_and_others_do_not_wait(heard: list) -> None:
    tell(1, fails=True)
    tell(2)
    tell(3, subject="other")
    events.deliver_due()
    with acting(TESTER, EVERYWHERE):
        made = set(Account.objects.filter(username__startswith="made-").values_list("username", flat=True))
        assert made == {"made-3"}
        Delivery.objects.filter(handler="test.second", state="waiting").update(next_try="2000-01-01T00:00Z")
    assert [n for n, _ in heard] == [1, 2, 3]


def test_a_record_told_as_a_fact_gives_place_and_subject(heard: list) -> None:
    with acting(TESTER, EVERYWHERE):
        told = Account.objects.create_user("a", None, name="a", role="district", area_code="500113000000")
        event = Event.objects.get(pk=events.tell("test.other", account=told))
    assert (event.area_code, event.subject) == ("500113000000", f"parties.account:{told.pk}")
    assert event.facts == {"account": {"model": "parties.account", "pk": told.pk}}


def test_two_handlers_may_not_share_a_name(heard: list) -> None:
    with pytest.raises(ValueError, match=r"test\.first"):
        events.hears("test.happened", handler="test.first")(lambda event: None)
