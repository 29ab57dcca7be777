"""In English a warning is called in English wherever it is spoken of: history, notices, work lists, the board."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation

from anlan.kernel import bilingual, notices
from anlan.kernel.cases import queue
from anlan.kernel.cases.history import tell
from anlan.kernel.cases.models import CaseEntry
from anlan.kernel.models import Notice
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.monitoring import reviews
from anlan.offices.monitoring.grouping import lift
from anlan.offices.monitoring.models import EarlyWarning, RuleReview

from .conftest import TESTER, account
from .test_causes import move
from .test_pages import browser
from .test_rising import CITY, DISTRICT, warning

pytestmark = pytest.mark.django_db


def named(case: EarlyWarning, zh: str = "超速行驶", en: str = "Too fast") -> EarlyWarning:
    with acting(TESTER, EVERYWHERE):
        case.title, case.rule_title, case.rule_title_en = f"渝A1：{zh}", zh, en
        case.save()
    return case


def test_a_fact_with_english_beside_it_is_read_in_the_readers_language() -> None:
    facts = {"title": "超速", "title_en": "Too fast", "plain": "x", "odd_en": "y"}
    with translation.override("zh-hans"):
        assert bilingual.in_language(facts) == {"title": "超速", "plain": "x", "odd_en": "y"}
    with translation.override("en"):
        assert bilingual.in_language(facts) == {"title": "Too fast", "plain": "x", "odd_en": "y"}


def test_the_history_says_rules_and_titles_in_english() -> None:
    head, under = named(warning("yellow")), named(warning("red", "k2"), "疲劳驾驶", "Too long at the wheel")
    with acting(TESTER, EVERYWHERE):
        lift(head, under)
        entries = list(CaseEntry.of(head).order_by("version"))
        with translation.override("en"):
            told = tell(head, entries)
            facts = dict(told[0].facts)
    assert "渝A1: Too long at the wheel" in told[-1].words
    assert facts["Rule"] == "Too fast"
    with acting(TESTER, EVERYWHERE), translation.override("zh-hans"):
        assert "渝A1：疲劳驾驶" in tell(head, entries)[-1].words


def test_notices_work_list_and_board_too() -> None:
    who = account("district", DISTRICT)
    case = named(warning("red"))
    with acting(TESTER, EVERYWHERE):
        facts = {"number": case.number, **case.titles()}
        (notice,) = notices.send([who], "Red warning %(number)s: %(title)s", facts)
        kept = Notice.objects.get(pk=notice)
    for language, called in (("en", "渝A1: Too fast"), ("zh-hans", "渝A1：超速行驶")):
        with translation.override(language):
            assert called in notices.words(kept)
            with acting(who.actor, who.scope):
                assert [row.title for row in queue.worklist(who, 10).urgent] == [called]


def test_a_proposal_is_called_by_its_rule_in_both_languages(django_assert_num_queries: Any) -> None:
    officer, city = account("district", DISTRICT), account("city", CITY)
    for n in range(5):
        case = named(warning("red", f"k{n}"))
        with acting(TESTER, EVERYWHERE):
            EarlyWarning.objects.filter(pk=case.pk).update(rule="overspeed")
            case.refresh_from_db()
        move(officer, case, "dismiss", cause="试")
    with acting(TESTER, EVERYWHERE):
        (review,) = reviews.propose("overspeed") or RuleReview.objects.all()
        with translation.override("en"):
            assert review.get_rule() == "Faster than allowed"
            entry = CaseEntry.of(review).get()
            assert dict(tell(review, [entry])[0].facts)["Rule"] == "Faster than allowed"
        with django_assert_num_queries(1), translation.override("en"):
            titles = [one.get_title() for one in RuleReview.objects.all()]
    assert titles == ["Too many false alarms; a change of the rule is proposed: Faster than allowed"]
    with acting(TESTER, EVERYWHERE):
        type(city).objects.filter(pk=city.pk).update(language="en")
    page = browser(city, "en").get("/r/rule-reviews/").content.decode()
    assert titles[0] in page
    assert ">overspeed<" not in page
