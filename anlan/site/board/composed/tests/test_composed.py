"""Boards that people compose: whose they are, what they show to whom, and what cannot be put on them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from anlan.engines.measures import Period
from anlan.kernel import clock
from anlan.kernel.datafiles import BadFile
from anlan.kernel.figures import computing
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.offices.hazards.models import Danger
from anlan.parties.models import Account, Authority, Industry
from anlan.site.board.composed import drawn
from anlan.site.board.composed import layout as laid
from anlan.site.board.composed.drawn import Composed, compose
from anlan.site.board.composed.layout import Tile
from anlan.site.board.composed.models import PAST, Board
from anlan.site.board.tests.test_board import BANAN, CITY, LONGXING, NOW, TESTER, YUBEI, account, fill, plan, records

pytestmark = pytest.mark.django_db
ALL = [
    {"kind": "card", "measures": ["accidents.deaths"]},
    {"kind": "trend", "measures": ["hazards.found"], "period": "month"},
    {"kind": "ranking", "measures": ["hazards.open"], "by": "area"},
]


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    computing.forget()
    with clock.frozen(NOW):
        yield


def shown(by: Account, *rows: dict[str, Any]) -> Composed:
    with acting(by.actor, by.scope):
        return compose(by, [Tile.of(row) for row in rows])


def made(by: Account, share: str = "private", *of: Any, rows: list[dict[str, Any]] | None = None) -> Board:
    with acting(by.actor, by.scope):
        board = Board.begun(by, "机密的板", {"tiles": ALL if rows is None else rows})
        board.address(share, by, *of)
        board.save()
    return board


def again(board: Board) -> None:
    with acting(TESTER, EVERYWHERE):
        board.refresh_from_db()


def sees(by: Account, board: Board) -> bool:
    with acting(by.actor, by.scope):
        return Board.objects.filter(pk=board.pk).exists()


def browser(by: Account) -> Client:
    client = Client()
    client.force_login(by, settings.AUTHENTICATION_BACKENDS[-1])
    return client


# --- Figures ---------------------------------------------------------------------------------------


def test_every_number_is_the_measure_s_and_opens_its_records() -> None:
    with acting(TESTER, EVERYWHERE):
        fill(11)
    who = account("district", YUBEI)
    board = shown(
        who, *ALL, {"kind": "table", "measures": ["hazards.open", "accidents.deaths"], "by": "industry"},
        {"kind": "heat", "measures": ["hazards.open"]}, {"kind": "map", "measures": ["hazards.overdue"]},
        {"kind": "card", "measures": ["hazards.open"], "industry": "coal", "area": LONGXING},
    )  # fmt: skip
    assert not [t.absent for t in board.tiles if t.absent]
    cells = [t.card.cell for t in board.tiles if t.card]
    cells += [cell for t in board.tiles if t.figure for row in t.figure.rows for cell in row.cells]
    opened = {cell.url: cell.value for cell in cells if cell.url}
    assert len(opened) > 25
    assert all(cell.url or not cell.value for cell in cells)
    with acting(who.actor, who.scope):
        for url, value in opened.items():
            rows = records(url)
            assert (sum(r.deaths for r in rows) if "counted=accidents.deaths" in url else rows.count()) == value, url


def test_a_trend_has_twelve_months_beside_those_of_the_year_before() -> None:
    with acting(TESTER, EVERYWHERE):
        fill(12)
    who = account()
    figure = shown(who, {"kind": "trend", "measures": ["hazards.found"], "period": "month"}).tiles[0].figure
    assert figure is not None
    assert len(figure.rows) == 12
    with acting(TESTER, EVERYWHERE):
        months = [d.found_at.astimezone(clock.BEIJING).strftime("%Y-%m") for d in Danger.objects.all()]
    for n, row in enumerate(figure.rows):
        year, month = divmod(2012 * 12 + 6 + n, 12)
        assert row.cells[0].value == months.count(f"{year}-{month + 1:02}")
        assert row.cells[1].value == months.count(f"{year - 1}-{month + 1:02}")
    rate = shown(who, {"kind": "trend", "measures": ["hazards.closure_rate"], "period": "last_month"}).tiles[0].figure
    assert rate is not None
    assert str(rate.rows[-1].label).startswith("2013")
    with acting(TESTER, EVERYWHERE):
        one = computing.compute(("hazards.closure_rate",), Period.parse("2013-05"))
        assert rate.rows[-1].cells[0].value == one.at(computing.named(("hazards.closure_rate",))[0]).now.value


def test_equals_share_a_rank_and_the_highest_stands_first() -> None:
    with acting(TESTER, EVERYWHERE):
        fill(13)
    figure = shown(account(), {"kind": "ranking", "measures": ["hazards.open"], "by": "industry"}).tiles[0].figure
    assert figure is not None
    values = [row.cells[0].value for row in figure.rows]
    assert values == sorted(values, reverse=True)
    ranks = [int(str(row.label).split()[0]) for row in figure.rows]
    assert ranks == [1 + sum(v > value for v in values) for value in values]


def test_a_card_says_its_target_and_the_same_period_of_last_year() -> None:
    with acting(TESTER, EVERYWHERE):
        fill(14)
        plan()
    city, district = account(), account("district", YUBEI)
    card = shown(city, ALL[0]).tiles[0].card
    assert card is not None
    assert card.limit is not None
    assert card.limit.value == 1500
    assert f"{1500 - card.cell.value:,}" in card.words
    assert "上年同期" in card.notes[0]
    # A city's cap is no district's, and no part of the year has the year's.
    assert (one := shown(district, ALL[0]).tiles[0].card) is not None
    assert one.limit is None
    month = shown(city, ALL[0] | {"period": "month"}).tiles[0].card
    assert month is not None
    assert month.limit is None


# --- Whose ------------------------------------------------------------------------------------------


def test_a_shared_board_shows_each_his_own_and_says_that_it_is_less() -> None:
    with acting(TESTER, EVERYWHERE):
        fill(15)
    city, yubei, banan = account(), account("district", YUBEI), account("district", BANAN)
    rows = [
        {"kind": "card", "measures": ["hazards.open"]},
        {"kind": "card", "measures": ["hazards.open"], "area": CITY},
        {"kind": "card", "measures": ["hazards.open"], "area": YUBEI},
        {"kind": "ranking", "measures": ["hazards.open"], "by": "area"},
    ]
    board = made(city, "area", "50", rows=rows)

    def by_hand(area: str) -> int:
        with acting(TESTER, EVERYWHERE):
            return sum(d.closed_at is None and d.area_code.startswith(area) for d in Danger.objects.all())

    for who, area in ((yubei, "500112"), (banan, "500113")):
        assert sees(who, board)
        tiles = shown(who, *rows).tiles
        cards = [t.card and t.card.cell.value for t in tiles[:3]]
        assert cards[:2] == [by_hand(area)] * 2
        assert tiles[1].smaller
        assert tiles[3].figure is not None
        assert sum(row.cells[0].value for row in tiles[3].figure.rows) == by_hand(area)
        page = browser(who).get(f"/boards/{board.pk}/").content.decode()
        assert "重庆市" in tiles[1].smaller
        assert tiles[1].smaller in page
    assert shown(yubei, rows[2]).tiles[0].card is not None
    # The neighbour has nothing of what the maker fixed for another.
    neighbour = shown(banan, rows[2]).tiles[0]
    assert neighbour.card is None
    assert neighbour.absent
    road = account("department", industries=["road"])
    coal = shown(road, {"kind": "card", "measures": ["hazards.open"], "industry": "coal"}).tiles[0]
    assert coal.absent
    assert by_hand("500112") != by_hand("500113") != by_hand("50")


def test_whom_a_board_is_addressed_to_and_nobody_else() -> None:
    with acting(TESTER, EVERYWHERE):
        office, other = (Authority.objects.create(name=n, kind="department", tier=1, area_code=CITY) for n in "甲乙")
    maker = account("department", industries=["road"], authority=office)
    with acting(TESTER, EVERYWHERE):
        colleague, stranger = (
            Account.objects.create(
                username=n, name=n, role="department", area_code=CITY, industries=["road"], authority=a
            )
            for n, a in (("colleague", office), ("stranger", other))
        )
        city = Account.objects.create(username="city", name="市", role="city", area_code=CITY)
    yubei, banan, township = account("district", YUBEI), account("district", BANAN), account("township", LONGXING)
    everybody = [colleague, stranger, city, yubei, banan, township]
    for share, whom in (
        (("private",), []),
        (("authority",), [colleague]),
        (("area", "50"), everybody),
        (("area", "500112"), [yubei, township]),
        (("area", "500112", ["district"]), [yubei]),
        (("area", "50", ["department"]), [colleague, stranger]),
    ):
        board = made(maker, *share)
        assert [who for who in everybody if sees(who, board)] == whom, share
        assert sees(maker, board)


def test_only_the_maker_and_whom_he_named_change_it_even_past_the_views() -> None:
    city, yubei, banan = account(), account("district", YUBEI), account("district", BANAN)
    board = made(city, "area", "50")
    with acting(city.actor, city.scope):
        board.editors = [banan.pk]
        board.save()
    with acting(yubei.actor, yubei.scope):
        assert not Board.objects.filter(pk=board.pk).update(title="别人的")
        assert not Board.objects.filter(pk=board.pk).delete()[0]
    client = browser(yubei)
    for deed in ("edit", "share", "delete", "restore"):
        assert client.post(f"/boards/{board.pk}/{deed}/").status_code == 403
    assert client.get(f"/boards/{board.pk}/edit/").status_code == 403
    editor = browser(banan)
    assert editor.get(f"/boards/{board.pk}/edit/").status_code == 200
    assert editor.post(f"/boards/{board.pk}/delete/").status_code == 403
    assert editor.get(f"/boards/{board.pk}/share/").status_code == 403


def test_a_board_that_is_not_addressed_to_one_is_not_there() -> None:
    board = made(account())
    client = browser(account("district", YUBEI))
    for path in ("", "edit/", "share/", "board.yaml", "tiles/0.csv"):
        assert client.get(f"/boards/{board.pk}/{path}").status_code == 404
    wall = client.get(f"/boards/wall/?b={board.pk}")
    assert wall.status_code == 404
    assert 'href="/boards/"' in wall.content.decode()
    assert board.title not in client.get("/boards/").content.decode()


# --- Queries ----------------------------------------------------------------------------------------


def test_queries_are_as_many_for_three_tiles_as_for_twenty_four() -> None:
    with acting(TESTER, EVERYWHERE):
        fill(16, 60)
        plan()
    who = account()
    three = ("hazards.open", "accidents.number", "monitoring.warnings")
    more = [
        {"kind": kind, "measures": [measure], "period": period, "by": "industry"}
        for kind in ("card", "ranking", "table")
        for measure in three
        for period in ("month", "2013-03")
    ]
    many = [
        *ALL, *more, {"kind": "heat", "measures": ["hazards.found"]}, {"kind": "map", "measures": ["accidents.deaths"]},
        {"kind": "trend", "measures": ["accidents.number", "accidents.deaths"]},
    ]  # fmt: skip
    assert len(many) == 24

    def asked(rows: list[dict[str, Any]]) -> list[str]:
        with acting(who.actor, who.scope), CaptureQueriesContext(connection) as caught:
            board = compose(who, [Tile.of(row) for row in rows])
        assert not [t.absent for t in board.tiles if t.absent]
        return [q["sql"] for q in caught]

    few, all_ = asked(ALL), asked(many)
    assert len(few) == len(all_) <= 14, "\n".join(sql[:120] for sql in all_)
    assert sum("hazards_danger" in sql for sql in all_) == 1


# --- What cannot be ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tile", "place"),
    [({"kind": "pie"}, "tiles.0.kind"), ({"kind": "card"}, "tiles.0.measures"), ({"kind": "text"}, "tiles.0.text"),
     ({"kind": "card", "measures": ["a.b"]}, "tiles.0.measures"),
     ({"kind": "card", "measures": ["hazards.open"], "period": "2013-13"}, "tiles.0.period"),
     ({"kind": "card", "measures": ["hazards.open"], "area": BANAN}, "tiles.0.area"),
     ({"kind": "card", "measures": ["hazards.open"], "industry": "nothing"}, "tiles.0.industry"),
     ({"kind": "card", "measures": ["hazards.open", "hazards.found"]}, "tiles.0.measures"),
     ({"kind": "card", "measures": ["hazards.open"], "width": 5}, "tiles.0.width"),
     ({"kind": "text", "text": "a\u202eb"}, "tiles.0.text"), ({"kind": "text", "text": "x" * 2001}, "tiles.0.text"),
     ({"kind": "card", "measures": ["hazards.open"], "sql": "1"}, "tiles.0"), ("card", "tiles.0"), (None, "tiles.0")],
)  # fmt: skip
def test_what_cannot_be_on_a_board_is_named_with_its_place(tile: Any, place: str) -> None:
    who = account("district", YUBEI)
    raw = json.dumps({"title": "板", "tiles": [tile]}, ensure_ascii=False).encode()
    with acting(who.actor, who.scope), pytest.raises(BadFile) as told:
        laid.read(raw, "file.json", who, known=True)
    assert f"file.json:1: {place}" in str(told.value)
    assert len(str(told.value).splitlines()) == 1


def test_an_industry_that_was_entered_a_moment_ago_can_be_fixed() -> None:
    who = account()
    tile = {"kind": "card", "measures": ["hazards.open"], "industry": "drones"}
    raw = json.dumps({"title": "板", "tiles": [tile]}, ensure_ascii=False).encode()
    with acting(who.actor, who.scope), pytest.raises(BadFile, match="industry"):
        laid.read(raw, "file.json", who)
    with acting(TESTER, EVERYWHERE):
        Industry.objects.create(code="drones", name="无人机", name_en="Drones", order=99)
    with acting(who.actor, who.scope):
        assert laid.read(raw, "file.json", who)[1] == {"tiles": [tile]}


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"\xff", b"title: a\ntiles: {", b"title: 1\ntiles: []", b"title: ''\ntiles: []", b"tiles: []",
            b"title: '  '\ntiles: []", b"title: a\ntiles: [" + b"{kind: text, text: x}," * 25 + b"]",
            b"title: a\ntiles: &a [*a]", b"title: a\ntiles: " + b"[" * 100 + b"]" * 100],
)  # fmt: skip
def test_files_that_are_no_boards_are_refused(raw: bytes) -> None:
    who = account()
    with acting(who.actor, who.scope), pytest.raises(BadFile, match=r"file\.yaml"):
        laid.read(raw, "file.yaml", who)


def test_a_board_goes_out_as_a_file_and_comes_in_again() -> None:
    who = account()
    client = browser(who)
    board = made(who)
    out = client.get(f"/boards/{board.pk}/board.yaml")
    file = io.BytesIO(out.content)
    file.name = "board.yaml"
    answer = client.post("/boards/new/", {"file": file})
    assert answer.status_code == 302
    with acting(who.actor, who.scope):
        newest = Board.objects.order_by("-pk")[0]
    assert (newest.title, newest.layout) == (board.title, board.layout)
    broken = io.BytesIO(out.content.replace(b"hazards.found", b"hazards.lost"))
    broken.name = "board.yaml"
    answer = client.post("/boards/new/", {"file": broken})
    assert answer.status_code == 422
    assert "hazards.lost" in answer.content.decode()
    assert "board.yaml:" in answer.content.decode()


def test_a_measure_that_is_gone_and_one_that_fails_leave_the_others_standing(monkeypatch: pytest.MonkeyPatch) -> None:
    with acting(TESTER, EVERYWHERE):
        fill(17)
    who = account()
    gone = shown(who, {"kind": "card", "measures": ["hazards.gone"]}, ALL[0]).tiles
    assert "hazards.gone" in gone[0].absent
    assert gone[1].card is not None
    counted = computing.compute_together

    def broken(asked: Any, tier: int) -> Any:
        asked = list(asked)
        if any("hazards.open" in q.names for q in asked):
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1 / 0")
        return counted(asked, tier=tier)

    monkeypatch.setattr(computing, "compute_together", broken)
    tiles = shown(who, ALL[2], ALL[0]).tiles
    assert tiles[0].absent
    assert tiles[1].card is not None


def test_what_the_records_do_not_say_is_said_on_the_tile() -> None:
    who = account()
    tiles = shown(
        who, {"kind": "card", "measures": ["hazards.overdue"], "period": "2012"},
        {"kind": "card", "measures": ["accidents.per_output"], "industry": "coal"},
        {"kind": "heat", "measures": ["accidents.per_output"]},
        {"kind": "card", "measures": ["hazards.open"], "period": "2199"},
    ).tiles  # fmt: skip
    assert all(t.absent for t in tiles)
    assert shown(account("inspector", YUBEI), {"kind": "text", "text": "话"}).tiles[0].tile.text == "话"


# --- Pages ------------------------------------------------------------------------------------------


def test_it_is_made_changed_undone_copied_and_deleted() -> None:
    who = account()
    client = browser(who)
    at = client.post("/boards/new/", {"template": "city"})["Location"]
    assert client.get(at).status_code == 200
    with acting(who.actor, who.scope):
        board = Board.objects.get()
    before = board.layout
    sent = {"title": "新板", "version": "1", "layout": json.dumps(ALL)}
    assert client.post(at, sent)["Location"] == f"/boards/{board.pk}/"
    # Another window that knows the board as it was loses nothing of what was saved.
    assert client.post(at, sent).status_code == 409
    again(board)
    assert (board.title, board.layout) == ("新板", {"tiles": ALL})
    client.post(f"/boards/{board.pk}/restore/", {"state": "0", "version": "2"})
    again(board)
    assert board.layout == before
    assert board.past[0]["title"] == "新板"
    copied = client.post(f"/boards/{board.pk}/copy/")["Location"]
    assert copied != at
    client.post(f"/boards/{board.pk}/delete/")
    assert client.get(f"/boards/{board.pk}/").status_code == 404
    for bad in ("", "{", "[1]", "null", json.dumps([{"kind": "card"}]), "[" * 100_000):
        assert client.post(copied, {"title": "x", "version": "1", "layout": bad}).status_code == 422


def test_only_so_many_earlier_states_are_kept() -> None:
    who = account()
    board = made(who)
    for n in range(PAST + 5):
        board.lay(f"第{n}版", board.layout, who)
    assert len(board.past) == PAST
    assert board.past[0]["title"] == f"第{PAST + 3}版"


def test_a_copy_fixes_nothing_that_its_maker_may_not_fix() -> None:
    city, banan = account(), account("district", BANAN)
    rows = [{"kind": "card", "measures": ["hazards.open"], "area": YUBEI}]
    board = made(city, "area", "50", rows=rows)
    browser(banan).post(f"/boards/{board.pk}/copy/")
    with acting(banan.actor, banan.scope):
        assert Board.objects.get(account=banan).layout == {"tiles": [{"kind": "card", "measures": ["hazards.open"]}]}


def test_the_preview_is_one_tile_and_says_what_is_wrong_with_it() -> None:
    client = browser(account())
    good = client.post("/boards/preview/", {"tile": json.dumps(ALL[0]), "place": "7"})
    assert 'id="at-7"' in good.content.decode()
    wrong = client.post("/boards/preview/", {"tile": json.dumps({"kind": "card"}), "place": "x"})
    assert "请选择显示哪项指标" in wrong.content.decode()
    assert client.post("/boards/preview/", {"tile": "{"}).status_code == 400
    assert client.get("/boards/preview/").status_code == 405


def test_sharing_by_its_form() -> None:
    who, other = account(), account("district", YUBEI)
    client = browser(who)
    board = made(who)
    sent = {"share": "area", "area": YUBEI, "roles": ["district"], "editors": other.username}
    assert client.post(f"/boards/{board.pk}/share/", sent).status_code == 302
    again(board)
    assert (board.reach, board.roles, board.editors) == ("500112", ["district"], [other.pk])
    for bad in (
        {"share": "world"},
        {"share": "area", "area": "510100000000"},
        {"share": "private", "editors": "nobody"},
        {"share": "area", "area": YUBEI, "roles": ["enterprise"]},
    ):
        assert client.post(f"/boards/{board.pk}/share/", bad).status_code == 422


def test_a_tile_s_numbers_as_a_sheet_and_boards_in_turn_on_the_wall() -> None:
    with acting(TESTER, EVERYWHERE):
        fill(18)
    who = account()
    client = browser(who)
    first, second = made(who), made(who)
    rows = list(csv.reader(io.StringIO(client.get(f"/boards/{first.pk}/tiles/2.csv").content.decode("utf-8-sig"))))
    figure = shown(who, ALL[2]).tiles[0].figure
    assert figure is not None
    assert [row[1] for row in rows[1:]] == [str(row.cells[0].value) for row in figure.rows]
    assert client.get(f"/boards/{first.pk}/tiles/0.csv").status_code == 200
    assert client.get(f"/boards/{first.pk}/tiles/9.csv").status_code == 404
    page = client.get(f"/boards/wall/?b={first.pk}&b={second.pk}&b=999999&b=x&seconds=15&at=1").content.decode()
    assert f"b={first.pk}&amp;b={second.pk}&amp;seconds=15&amp;at=0" in page
    assert "every 15s" in page
    client.logout()
    assert client.get(f"/boards/wall/?b={first.pk}").status_code == 302


def test_who_works_for_an_enterprise_has_no_composed_boards() -> None:
    from anlan.parties.models import Enterprise

    with acting(TESTER, EVERYWHERE):
        factory = Enterprise.objects.create(name="厂", area_code=LONGXING, industry_id="coal")
    worker = account("enterprise", LONGXING, enterprise=factory)
    board = made(account(), "area", "50")
    assert not sees(worker, board)
    assert browser(worker).get("/boards/").status_code == 403


def test_boards_of_hundreds_of_periods_do_not_hold_up_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anybody may make a hundred boards of whatever periods; every process counts ahead when it begins."""
    one = {"kind": "card", "measures": ["hazards.open"]}
    made(account(), rows=[one | {"period": f"2013-{month:02}"} for month in range(1, 7)])
    asked: list[int] = []
    monkeypatch.setattr(drawn, "lately_together", lambda wanted, *, tier: asked.append(len(wanted)))
    monkeypatch.setattr(drawn, "MOST_AHEAD", 4)
    drawn.count_ahead()
    assert asked == [4]
