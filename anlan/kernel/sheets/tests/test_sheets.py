"""Import and export: what is exported is imported without change; what is wrong is said, all of it."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date
from decimal import Decimal
from typing import Any

import openpyxl
import polars as pl
import pytest
from django.db import connection
from django.utils.translation import override
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anlan.kernel.registers import register_named
from anlan.kernel.scope import EVERYWHERE, Actor, Scope, acting
from anlan.kernel.sheets import reading, writing
from anlan.kernel.sheets.applying import CannotUndo, Outcome, import_file, undo
from anlan.kernel.sheets.models import Import, ImportedRows
from anlan.kernel.sheets.problems import WORDS
from anlan.kernel.sheets.spec import sheet_of
from anlan.parties.codes import credit_check_character
from anlan.parties.models import Authority, Enterprise

pytestmark = pytest.mark.django_db
TESTER = Actor("test", "tests")
YUBEI = Scope("500112")
GOOD = {"name": "渝北一厂", "credit_code": "", "area_code": "500112000000", "industry": "road", "staff": "12"}


def code(n: int) -> str:
    body = f"91500112{n:09d}"
    return body + credit_check_character(body)


def enterprises() -> Any:
    return register_named("enterprises")


def text(*rows: dict[str, Any], encoding: str = "utf-8-sig") -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode(encoding)


def book(*rows: list[Any]) -> bytes:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def put(data: bytes, scope: Scope = EVERYWHERE, **options: Any) -> Outcome:
    with acting(TESTER, scope):
        return import_file(enterprises(), data, **options)


def codes(outcome: Outcome) -> list[tuple[int, str, str]]:
    return [(p.row, p.column, p.code) for p in outcome.problems]


def exported(form: str, language: str = "zh-hans") -> bytes:
    with acting(TESTER, EVERYWHERE), override(language):
        return b"".join(writing.export(sheet_of(enterprises()), Enterprise.objects.order_by("id"), form))


def test_rows_are_added_then_found_by_their_credit_code() -> None:
    first = put(text(GOOD | {"credit_code": code(1)}))
    assert (first.problems, first.added, first.applied) == ([], 1, True)
    again = put(text(GOOD | {"credit_code": code(1), "staff": "13"}))
    assert (again.added, again.changed) == (0, 1)
    with acting(TESTER, EVERYWHERE):
        one = Enterprise.objects.get(credit_code=code(1))
    assert (one.staff, one.version, one.pinyin) == (13, 2, "ybyc")


ONE_WRONG_CELL = [
    ({"name": ""}, "name", "IMP020"),
    ({"name": "厂" * 121}, "name", "IMP021"),
    ({"staff": "12.5"}, "staff", "IMP022"),
    ({"staff": "many"}, "staff", "IMP022"),
    ({"staff": "-1"}, "staff", "IMP028"),
    ({"staff": "99999999999"}, "staff", "IMP029"),
    ({"revenue": "1.005"}, "revenue", "IMP023"),
    ({"revenue": "1e5"}, "revenue", "IMP023"),
    ({"lon": "200"}, "lon", "IMP029"),
    ({"lon": "nan"}, "lon", "IMP023"),
    ({"high_hazard": "perhaps"}, "high_hazard", "IMP025"),
    ({"status": "asleep"}, "status", "IMP026"),
    ({"credit_code": "91500112000000001X"}, "credit_code", "IMP027"),
    ({"industry": "alchemy"}, "industry", "IMP030"),
    ({"area_code": "500112"}, "area_code", "IMP031"),
    ({"area_code": "500112999999"}, "area_code", "IMP032"),
    ({"address": "a\x01b"}, "address", "IMP033"),
    ({"address": "a\u200fb"}, "address", "IMP033"),
    ({"address": "a\x85b"}, "address", "IMP033"),
    ({"credit_code": ""}, "credit_code", "IMP044"),
]


@pytest.mark.parametrize(("change", "column", "problem"), ONE_WRONG_CELL)
def test_a_wrong_cell_is_named_and_nothing_is_kept(change: dict[str, str], column: str, problem: str) -> None:
    right = GOOD | {"credit_code": code(1), **dict.fromkeys(change, "")} | {"name": "甲厂", "area_code": "500112000000"}
    right["credit_code"] = code(1)
    outcome = put(text(right, GOOD | {"credit_code": code(2)} | change))
    assert codes(outcome) == [(3, column, problem)]
    assert not outcome.applied
    with acting(TESTER, EVERYWHERE):
        assert not Enterprise.objects.exists()


def test_every_error_of_every_row_is_reported_at_once() -> None:
    outcome = put(
        text(
            GOOD | {"credit_code": code(1), "staff": "x", "industry": "y"},
            GOOD | {"credit_code": code(2)},
            GOOD | {"credit_code": code(2), "name": ""},
        )
    )
    assert codes(outcome) == [
        (2, "industry", "IMP030"), (2, "staff", "IMP022"), (4, "credit_code", "IMP040"), (4, "name", "IMP020")
    ]  # fmt: skip


def test_good_rows_are_kept_only_if_asked() -> None:
    data = text(GOOD | {"credit_code": code(1)}, GOOD | {"credit_code": code(2), "staff": "x"})
    outcome = put(data, good_only=True)
    assert (outcome.added, outcome.refused, outcome.applied) == (1, 1, True)
    none = put(text(GOOD | {"credit_code": code(3), "staff": "x"}), good_only=True)
    assert (none.added, none.refused, none.applied) == (0, 1, False), "nothing was imported, nothing is to be undone"


def test_a_dry_run_keeps_nothing_and_counts_the_same() -> None:
    outcome = put(text(GOOD | {"credit_code": code(1)}), dry_run=True)
    assert (outcome.added, outcome.applied) == (1, False)
    with acting(TESTER, EVERYWHERE):
        assert not Enterprise.objects.exists()
        assert not Import.objects.exists()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"PK\x03\x04 not a workbook", "IMP006"),
        (b"\xd0\xcf\x11\xe0 an old workbook", "IMP002"),
        (b"name,\xff\xff\xff", "IMP003"),
        (b"name,credit_code,area_code\n", "IMP007"),
        (b"a,b,c\n1,2,3\n", "IMP010"),
        (b"", "IMP010"),
        (b"name" + b",x" * 300, "IMP005"),
        (b'name,credit_code,area_code\n"unclosed', "IMP002"),
    ],
)
def test_a_file_that_cannot_be_taken_is_one_clear_error(data: bytes, problem: str) -> None:
    assert [p.code for p in put(data).problems] == [problem]


def test_wrong_headings_do_not_keep_the_rows_from_being_checked() -> None:
    unknown = put(text(GOOD | {"credit_code": code(1), "colour": "red"}, GOOD | {"staff": "many", "colour": "red"}))
    assert codes(unknown) == [(1, "", "IMP011"), (3, "credit_code", "IMP044"), (3, "staff", "IMP022")]
    assert (unknown.rows, unknown.refused, unknown.added, unknown.errors) == (2, 2, 0, 3)
    rights = frozenset({"change"})
    lacking = put(b"name,area_code,name,staff\nx,500112000000,y,many\n", rights=rights)
    assert codes(lacking) == [
        (1, "credit_code", "IMP012"), (1, "name", "IMP013"), (2, "", "IMP045"), (2, "staff", "IMP022")
    ]  # fmt: skip
    assert codes(put(b"name,credit_code\n")) == [(1, "area_code", "IMP012"), (0, "", "IMP007")]
    good_only = put(text(GOOD | {"credit_code": code(1), "colour": "red"}), good_only=True)
    assert (good_only.applied, good_only.refused) == (False, 1)
    with acting(TESTER, EVERYWHERE):
        assert not Enterprise.objects.exists()


def test_a_row_is_told_of_its_record_besides_its_cells() -> None:
    put(text(GOOD | {"credit_code": code(1)}))
    wrong = {"staff": "many"}
    outcome = put(
        text(
            GOOD | wrong | {"id": "987654321"},  # no such record
            GOOD | wrong | {"id": "x1"},  # no number: not asked further
            GOOD | wrong,  # neither number nor key
            GOOD | wrong | {"credit_code": code(1), "id": ""},  # there
        )
    )
    assert codes(outcome) == [
        (2, "", "IMP043"), (2, "staff", "IMP022"), (3, "id", "IMP022"), (3, "staff", "IMP022"),
        (4, "credit_code", "IMP044"), (4, "staff", "IMP022"), (5, "staff", "IMP022"),
    ]  # fmt: skip
    assert outcome.refused == 4
    with override("zh-hans"):
        assert "统一社会信用代码" in next(p.words() for p in outcome.problems if p.code == "IMP044")


def test_too_large_and_too_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_ROWS", 3)
    monkeypatch.setattr(reading, "HEADING_WITHIN", 1)
    rows = [GOOD | {"credit_code": code(n)} for n in range(5)]
    assert [p.code for p in put(text(*rows)).problems] == ["IMP004"]
    monkeypatch.setattr(reading, "MAX_BYTES", 10)
    assert [p.code for p in put(text(*rows)).problems] == ["IMP001"]


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_UNPACKED", 2**20)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 2**22)
    assert [p.code for p in put(out.getvalue()).problems] == ["IMP006"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_encodings_and_headings_of_either_language(encoding: str) -> None:
    heading = [str(c.heading) for c in sheet_of(enterprises()).columns if c.key in ("name", "credit_code", "area_code")]
    with override("zh-hans"):
        chinese = [str(sheet_of(enterprises()).column(k).heading) for k in ("name", "credit_code", "area_code")]
    for number, names in enumerate((heading, chinese)):
        data = "\t".join(names) + f"\n渝北厂\t{code(number)}\t500112000000\n"
        assert put(data.encode(encoding)).added == 1


def test_a_workbook_with_what_spreadsheets_do_to_values() -> None:
    data = book(
        ["企业名录", None, None],
        ["name", "credit_code", "area_code", "staff", "revenue", "high_hazard", "gb4754"],
        ["甲厂", code(1), 500112000000.0, "１２", 0.1 + 0.2, "是", 26.0],
        [None, None, None],
        ["乙厂", "'" + code(2), "500112000000 ", 5.0, "1,234.50", True, "2610"],
    )
    outcome = put(data)
    assert codes(outcome) == []
    with acting(TESTER, EVERYWHERE):
        a, b = Enterprise.objects.order_by("credit_code")
    assert (a.staff, a.revenue, a.high_hazard, a.gb4754) == (12, Decimal("0.30"), True, "26")
    assert (b.staff, b.revenue, b.high_hazard, b.area_code) == (5, Decimal("1234.50"), True, "500112000000")


def test_dates_in_every_form_a_spreadsheet_gives_them() -> None:
    from anlan.kernel.sheets.checking import _date, _datetime

    forms = ["2013-06-14", "2013/6/14", "2013年6月14日", "20130614", "41439", "2013.6.14", "2013-06-14 00:00:00"]
    assert set(_date(pl.Series(forms))) == {date(2013, 6, 14)}
    assert _date(pl.Series(["2013-02-30", "14/6/2013", "tomorrow"])).null_count() == 3
    assert str(_datetime(pl.Series(["2013/6/14 9:30"]))[0]) == "2013-06-14 09:30:00+08:00"


def test_rows_outside_the_scope_are_refused_and_tell_nothing() -> None:
    with acting(TESTER, EVERYWHERE):
        Enterprise.objects.create(name="巴南厂", credit_code=code(9), area_code="500113000000", industry_id="road")
    elsewhere = put(text(GOOD | {"credit_code": code(1), "area_code": "500113000000"}), YUBEI)
    nowhere = put(text(GOOD | {"credit_code": code(1), "area_code": "500113999999"}), YUBEI)
    assert codes(elsewhere) == codes(nowhere) == [(2, "area_code", "IMP032")]
    taken = put(text(GOOD | {"credit_code": code(9)}), YUBEI)
    assert codes(taken) == [(2, "", "IMP042")]
    with acting(TESTER, EVERYWHERE):
        foreign = Enterprise.objects.get()
    by_number = put(text({"id": str(foreign.pk), "name": "抢"}), YUBEI)
    by_no_number = put(text({"id": "987654321", "name": "抢"}), YUBEI)
    assert codes(by_number) == codes(by_no_number) == [(2, "", "IMP043")]
    with acting(TESTER, EVERYWHERE):
        assert Enterprise.objects.get().name == "巴南厂"


def test_an_industry_outside_the_scope_is_refused() -> None:
    scope = Scope("50", industries=frozenset({"road"}))
    assert codes(put(text(GOOD | {"credit_code": code(1), "industry": "coal"}), scope)) == [(2, "industry", "IMP041")]


def test_rights_of_the_role_hold() -> None:
    data = text(GOOD | {"credit_code": code(1)})
    assert codes(put(data, rights=frozenset({"change"}))) == [(2, "", "IMP045")]
    put(data)
    changed = text(GOOD | {"credit_code": code(1), "staff": "99"})
    assert codes(put(changed, rights=frozenset({"add"}))) == [(2, "", "IMP046")]


NASTY = ["=1+1", "+8613", "-5", "@SUM(A1)", "'quoted", "'=x", 'a,b"c', "two\nlines", "01234", "1.50", "\\N", " 前后 "]
printable = st.text(st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn")), max_size=30) | st.sampled_from(NASTY)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    texts=st.lists(st.tuples(printable, printable), min_size=1, max_size=4),
    staff=st.none() | st.integers(0, 2**31 - 1),
    revenue=st.none() | st.decimals(0, 999_999_999_999, places=2),
    lon=st.none() | st.floats(73, 136),
    high=st.booleans(),
)
def test_export_then_import_changes_nothing(texts: Any, staff: Any, revenue: Any, lon: Any, high: bool) -> None:
    with acting(TESTER, EVERYWHERE):
        Enterprise.objects.all().delete()
        for n, (name, address) in enumerate(texts):
            Enterprise.objects.create(
                name="厂" + name, address=address, park=address[:20], credit_code=code(n) if n % 2 else None,
                area_code="500112000000", industry_id="road", staff=staff, revenue=revenue, lon=lon, high_hazard=high,
            )  # fmt: skip
    for form in ("csv", "xlsx"):
        for language in ("zh-hans", "en"):
            outcome = put(exported(form, language))
            assert codes(outcome) == []
            assert (outcome.added, outcome.changed, outcome.unchanged) == (0, 0, len(texts))


def test_unchanged_rows_leave_no_trace_in_the_audit() -> None:
    put(text(GOOD | {"credit_code": code(1)}))
    with connection.cursor() as cursor, acting(TESTER, EVERYWHERE):
        count = "SELECT count(*) FROM audit_entry WHERE table_name = 'parties_enterprise'"
        cursor.execute(count)
        before = cursor.fetchone()
        import_file(enterprises(), exported("xlsx"))
        cursor.execute(count)
        assert cursor.fetchone() == before == (1,)


def test_no_cell_of_an_export_is_a_formula() -> None:
    put(text(GOOD | {"credit_code": code(1), "name": "'=HYPERLINK(1)"}))
    page = openpyxl.load_workbook(io.BytesIO(exported("xlsx"))).active
    cell = next(c for row in page.iter_rows(min_row=2) for c in row if "HYPERLINK" in str(c.value))
    assert (cell.data_type, cell.value) == ("s", "=HYPERLINK(1)")
    assert b",'=HYPERLINK" in exported("csv")


def test_parquet_keeps_types() -> None:
    put(text(GOOD | {"credit_code": code(1), "revenue": "3.50"}))
    frame = pl.read_parquet(io.BytesIO(exported("parquet")))
    assert frame["revenue"][0] == Decimal("3.50")
    assert frame["staff"][0] == 12


def test_the_template_has_headings_notes_and_choices_and_nothing_to_import() -> None:
    sheet = sheet_of(enterprises())
    made = writing.template(sheet)
    page = openpyxl.load_workbook(io.BytesIO(made)).worksheets[0]
    assert [c.value for c in page[1]] == [str(c.heading) for c in sheet.columns]
    assert page.data_validations.dataValidation
    assert all(c.comment for c in page[1])
    assert [p.code for p in put(made).problems] == ["IMP007"]


def test_the_error_workbook_marks_the_cells_and_can_be_mended_and_imported() -> None:
    outcome = put(text(GOOD | {"credit_code": code(1), "staff": "x"}, GOOD | {"credit_code": code(2)}))
    made = writing.error_workbook(sheet_of(enterprises()), outcome.table, outcome.problems)
    opened = openpyxl.load_workbook(io.BytesIO(made))
    page, listed = opened.worksheets
    marked = [c for row in page.iter_rows(min_row=2) for c in row if c.comment]
    assert [(c.value, c.comment.text[:6]) for c in marked] == [("x", "IMP022")]
    assert next(c.value for c in listed[2]) == 2
    marked[0].value = 7
    out = io.BytesIO()
    opened.save(out)
    assert put(out.getvalue()).added == 2


def test_the_error_workbook_of_wrong_headings_has_the_right_ones() -> None:
    outcome = put(f"name,credit_code,Staff,staff,colour\n甲厂,{code(1)},7,8,red\n".encode())
    assert codes(outcome) == [(1, "", "IMP011"), (1, "area_code", "IMP012"), (1, "staff", "IMP013")]
    opened = openpyxl.load_workbook(
        io.BytesIO(writing.error_workbook(sheet_of(enterprises()), outcome.table, outcome.problems))
    )
    page = opened.worksheets[0]
    marked = {c.comment.text[:6]: c for c in page[1] if c.comment}
    assert {at: (c.value, page.cell(2, c.column).value) for at, c in marked.items()} == {
        "IMP011": ("colour", "red"), "IMP012": ("区域", None), "IMP013": ("staff", "8"),
    }  # fmt: skip
    page.cell(2, marked["IMP012"].column).value = "500112000000"
    for wrong in sorted((marked["IMP011"].column, marked["IMP013"].column), reverse=True):
        page.delete_cols(wrong)
    out = io.BytesIO()
    opened.save(out)
    assert put(out.getvalue()).added == 1
    with acting(TESTER, EVERYWHERE):
        assert Enterprise.objects.get().staff == 7


def test_what_empty_cells_do_away_with_is_told_before() -> None:
    full = GOOD | {"address": "双龙大道1号", "high_hazard": "是", "status": "suspended", "revenue": "3.5", "park": ""}
    put(text(full | {"credit_code": code(1)}, full | {"credit_code": code(2)}))
    emptied = full | {"address": "", "high_hazard": "", "status": "", "park": "", "staff": "13", "revenue": ""}
    sheet = text(emptied | {"credit_code": code(1)}, full | {"credit_code": code(2), "high_hazard": "否"})
    for dry_run in (True, False):
        outcome = put(sheet, dry_run=dry_run)
        assert (outcome.changed, outcome.added) == (2, 0)
        assert outcome.emptied == {"address": 1, "high_hazard": 1, "status": 1, "revenue": 1}
    with acting(TESTER, EVERYWHERE):
        assert Import.objects.latest("id").emptied == outcome.emptied


def test_an_import_is_undone_whole() -> None:
    put(text(GOOD | {"credit_code": code(1)}))
    outcome = put(text(GOOD | {"credit_code": code(1), "staff": "99"}, GOOD | {"credit_code": code(2)}))
    with acting(TESTER, EVERYWHERE):
        assert undo(enterprises(), outcome.record) == 2
        assert Enterprise.objects.get().staff == 12
        assert Import.objects.get(pk=outcome.record.pk).state == "undone"
        with pytest.raises(CannotUndo):
            undo(enterprises(), outcome.record)


def test_an_import_from_before_a_column_was_added_is_undone_all_the_same() -> None:
    put(text(GOOD | {"name": "重庆市渝北区恒达机械厂", "credit_code": code(1)}))
    outcome = put(text(GOOD | {"name": "重庆市渝北区永兴茶厂", "credit_code": code(1)}))
    with acting(TESTER, EVERYWHERE):
        kept = ImportedRows.objects.get(imported=outcome.record)
        lacking = {"own_name", "above_scale"}  # one that follows from another, and one that does not
        kept.befores = [{k: v for k, v in before.items() if k not in lacking} for before in kept.befores]
        kept.save()
        assert undo(enterprises(), outcome.record) == 1
        one = Enterprise.objects.get()
    assert (one.name, one.own_name, one.above_scale) == ("重庆市渝北区恒达机械厂", "恒达机械厂", False)


def test_an_import_whose_rows_others_touched_is_not_undone() -> None:
    outcome = put(text(GOOD | {"credit_code": code(1)}, GOOD | {"credit_code": code(2)}))
    with acting(TESTER, EVERYWHERE):
        one = Enterprise.objects.get(credit_code=code(1))
        one.staff = 50
        one.save()
        with pytest.raises(CannotUndo) as refused:
            undo(enterprises(), outcome.record)
        assert refused.value.touched == [str(one.pk)]
        assert Enterprise.objects.count() == 2


def test_each_code_has_words_in_chinese() -> None:
    from django.utils.translation import gettext

    with override("zh-hans"):
        assert [c for c, words in WORDS.items() if gettext(words) == words] == []


def test_a_key_that_several_bear_needs_the_record_number() -> None:
    declared = register_named("authorities")
    with acting(TESTER, EVERYWHERE):
        for year in (2013, 2018):
            Authority.objects.create(
                name="试验局", kind="supervisor", tier=2, area_code="500112000000", valid_from=date(year, 1, 1)
            )
        row = {"name": "试验局", "kind": "supervisor", "tier": "2", "area_code": "500112000000", "short_name": "试"}
        assert codes(import_file(declared, text(row))) == [(2, "", "IMP047")]
        number = Authority.objects.filter(name="试验局").earliest("id").pk
        assert import_file(declared, text(row | {"id": str(number)})).changed == 1
