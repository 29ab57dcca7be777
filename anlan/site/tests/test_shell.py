"""The frame of every page: bundles, icons, home, search, errors."""

from __future__ import annotations

import gzip
import html
import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django import forms
from django.db import models
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from anlan.kernel import clock
from anlan.kernel.registers.cells import url_of
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.hazards.models import Danger
from anlan.parties.models import Account
from anlan.parties.names import initials
from anlan.site import assets, menu
from anlan.site.menu import everywhere
from anlan.site.views import GROUP

LIMIT = 150 * 1024


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(assets, "DIST", tmp_path)
    return tmp_path


def test_vite_tag_names_hashed_script_and_its_style_sheets(dist: Path) -> None:
    chunk = {"file": "assets/chunk-1.js", "css": ["assets/chunk-2.css"]}
    main = {"file": "assets/main-3.js", "css": ["assets/main-4.css"], "imports": ["_chunk.js"]}
    (dist / "manifest.json").write_text(json.dumps({"src/main.ts": main, "_chunk.js": chunk}))
    text = Template("{% load shell %}{% vite %}").render(Context())
    assert text == (
        '<link rel="stylesheet" href="/static/dist/assets/chunk-2.css">'
        '<link rel="stylesheet" href="/static/dist/assets/main-4.css">'
        '<script type="module" src="/static/dist/assets/main-3.js"></script>'
    )


def test_nothing_chosen_yet_asks_to_choose() -> None:
    grade = models.CharField(choices=[("major", "重大")]).formfield()
    form = type("Asked", (forms.Form,), {"grade": grade})()
    text = Template("{% load shell %}{% control form.grade %}").render(Context({"form": form}))
    assert '<option value="" selected>请选择</option>' in text
    assert "---" not in text


def test_a_front_end_that_is_not_built_is_said_so(dist: Path) -> None:
    with pytest.raises(assets.NotBuilt, match="npm run build"):
        assets.bundle("src/main.ts")


def test_an_icon_is_decoration(dist: Path) -> None:
    (dist / "manifest.json").write_text(json.dumps({"icons": {"file": "assets/icons-5.svg"}}))
    text = Template('{% load shell %}{% icon "home" %}').render(Context())
    assert 'aria-hidden="true"' in text
    assert 'href="/static/dist/assets/icons-5.svg#home"' in text


def test_first_page_weighs_at_most_150_kilobytes_of_script_and_style() -> None:
    bundle = assets.bundle("src/main.ts")
    names = [url.removeprefix("/static/dist/") for url in (bundle.script, *bundle.styles)]
    assert sum(len(gzip.compress((assets.DIST / name).read_bytes())) for name in names) <= LIMIT


@pytest.fixture
def city(db: None, client: Client) -> Client:
    with acting(Actor("test", "tests"), EVERYWHERE):
        account = Account(username="shell-city", name="市安委办", role="city", area_code="500000000000")
        account.set_password("a long enough password")
        account.save()
    client.force_login(account, backend="anlan.parties.backend.PasswordBackend")
    return client


def test_home_shows_the_work_list_in_the_frame(city: Client) -> None:
    page = city.get(reverse("home"))
    assert page.status_code == 200
    text = page.content.decode()
    assert "市安委办" in text
    assert 'id="main"' in text
    assert "data-palette" in text


def test_every_number_of_the_home_page_opens_what_it_counts(city: Client) -> None:
    text = city.get(reverse("home")).content.decode()
    numbers = re.findall(r'class="stat[^"]*" href="([^"]+)"', text)
    assert len(numbers) == text.count('class="stat') - 1 >= 4  # one is the frame of them all
    for address in numbers:
        assert city.get(html.unescape(address)).status_code == 200, address


@pytest.mark.parametrize(
    "asked", ["show=nothing", "show=mine&page=0", "show=mine&page=x", "show=mine&page=99999999999"]
)
def test_a_work_list_that_there_is_not_is_not_found(city: Client, asked: str) -> None:
    assert city.get(f"{reverse('cases:work')}?{asked}").status_code == 404


def test_an_address_that_takes_forms_only_says_so_and_leads_home(city: Client) -> None:
    for address in (reverse("registers:views", args=("enterprises",)), "/plan/1/head/"):
        answer = city.get(address)
        assert answer.status_code == 405
        assert "POST" in answer["Allow"]
        assert "此地址仅接收表单提交" in answer.content.decode()


def test_the_other_language_is_chosen_for_the_page_from_which_a_refused_form_came(city: Client) -> None:
    def next_(**headers: str) -> str:
        answer = city.post("/notices/preferences/", {"address": "a b c"}, headers=headers)
        assert answer.status_code == 400
        found = re.search(r'name="next" value="([^"]*)"', answer.content.decode())
        assert found is not None
        return html.unescape(found[1])

    assert next_(Referer="http://testserver/notices/?page=2&x=1") == "/notices/?page=2&x=1"
    assert next_(Referer="http://elsewhere/notices/") == "/"
    assert next_() == "/"


def test_no_page_takes_away_the_words_of_the_script(city: Client) -> None:
    for address in ("/hazards/returns/", "/hazards/returns/enterprises/?period=2013Q1", "/"):
        page = city.get(address, follow=True).content.decode()
        assert page.count('<script id="words" type="application/json">') == 1, address


def test_no_link_leads_to_a_register_that_the_reader_may_not_see(city: Client) -> None:
    account = Account(pk=1, username="x", role="city")
    assert url_of(account, Account(role="city")) == "/r/accounts/1/"
    assert url_of(account, Account(role="enterprise")) == ""


def test_search_finds_pages_by_their_name_in_both_languages(city: Client) -> None:
    for words in ("divis", "区划"):
        groups = city.get(reverse("search"), {"q": words}).json()["groups"]
        assert any(hit["url"] == "/r/divisions/" for group in groups for hit in group["hits"]), words


@pytest.mark.slow
def test_search_finds_every_page_by_the_initials_of_its_name(city: Client) -> None:
    def urls(text: str) -> list[str]:
        return [
            hit["url"] for group in city.get(reverse("search"), {"q": text}).json()["groups"] for hit in group["hits"]
        ]

    assert urls("gpdb")[0] == reverse("hazards:listed"), "挂牌督办"
    assert urls("GPDB")[0] == reverse("hazards:listed")
    assert "/r/divisions/" in urls("xzqh"), "行政区划"
    with acting(Actor("test", "tests"), EVERYWHERE):
        account = Account.objects.get(username="shell-city")
    for entry in everywhere(account):
        with override("zh-hans"):
            name = str(entry.title)
        assert str(entry.url) in urls(initials(name)), name
        assert city.get(entry.url).status_code == 200


def danger(number: str, owner: str = "500112000000", due_in: int = 0) -> Danger:
    return Danger.objects.create(
        number=number, title="样本隐患", state="found", source="inspection", description="x", found_at=clock.now(),
        area_code="500112000000", owner_area_code=owner, due_at=clock.now() + timedelta(days=due_in),
    )  # fmt: skip


@pytest.mark.parametrize(
    "typed",
    [
        "渝北安隐〔2013〕113号", "渝北安隐[2013]113号", "渝北安隐(2013)113号", "渝北安隐（2013）113号",
        "渝北安隐", "渝北安隐2013", "渝北安隐（20", "渝北安隐[2013]", "渝北安隐2013113号",
        "渝北安隐〔２０１３〕11", "113号", "113", "(2013)113号", "安隐2013 113号",
    ],
)  # fmt: skip
def test_search_and_list_find_a_case_by_its_number_however_it_is_typed(city: Client, typed: str) -> None:
    with acting(Actor("test", "tests"), EVERYWHERE):
        wanted = danger("渝北安隐〔2013〕113号")
        for number in ("渝北安查〔2014〕114号", "巴南安隐〔2013〕1131号", "巴南安隐〔2014〕213号"):
            danger(number)
    groups = city.get(reverse("search"), {"q": typed}).json()["groups"]
    found = [hit["url"] for group in groups for hit in group["hits"] if hit["url"].startswith("/c/danger/")]
    assert found == [wanted.get_absolute_url()]
    rows = city.get("/r/dangers/", {"q": typed, "view": "all"}).context["rows"]
    assert [row["url"] for row in rows] == [wanted.get_absolute_url()]


def test_the_overdue_of_the_home_page_are_those_with_which_their_list_begins(city: Client) -> None:
    with acting(Actor("test", "tests"), EVERYWHERE), clock.frozen(clock.now() - timedelta(days=400)):
        # Those of the district are due first, those that wait for the city itself last.
        for n, owner in enumerate(["500112000000"] * 3 + ["500000000000"] * 12):
            danger(f"样本隐〔2013〕{n}号", owner, n)
    on_home = city.get(reverse("home")).context["groups"][0]["rows"]
    listed = city.get(f"{reverse('cases:work')}?show=overdue").context["rows"]
    assert list(on_home) == list(listed[: len(on_home)])
    assert len(on_home) == GROUP


def test_search_finds_records_by_their_beginning(city: Client) -> None:
    groups = city.get(reverse("search"), {"q": "500112"}).json()["groups"]
    assert any("/r/divisions/" in hit["url"] for group in groups for hit in group["hits"])


@pytest.mark.parametrize("text", ["", "%", "_", "\0", "'", "x" * 5000, "𠮷", "\\"])
def test_search_takes_any_text(city: Client, text: str) -> None:
    answer = city.get(reverse("search"), {"q": text})
    assert answer.status_code == 200
    assert set(answer.json()) == {"groups"}


def test_search_and_home_are_for_people_who_signed_in(db: None, client: Client) -> None:
    for name in ("home", "search"):
        assert client.get(reverse(name)).status_code == 302


def test_nothing_there_is_said_in_words_and_with_its_status(city: Client) -> None:
    page = city.get("/r/no-such-register/")
    assert page.status_code == 404
    assert page["Content-Type"].startswith("text/html")


def test_no_page_carries_inline_script_or_style(city: Client) -> None:
    text = city.get(reverse("home")).content.decode()
    assert " style=" not in text
    assert "<style" not in text
    assert " onclick=" not in text


def test_a_long_group_of_the_menu_folds_and_opens_where_one_is() -> None:
    city = menu._Role("city")
    folded = menu.html(city, "/board/")
    assert '<details id="menu-more-plan">' in folded
    assert "menu-more-board" not in folded
    assert folded.index("/plan/targets/") < folded.index("menu-more-plan") < folded.index("/r/plan-targets/")
    there = menu.html(city, "/r/plan-targets/7/")
    assert '<details open id="menu-more-plan">' in there
    assert '<details open id="menu-more-monitoring">' not in there
    assert '<a href="/r/plan-targets/" aria-current="page">' in there
