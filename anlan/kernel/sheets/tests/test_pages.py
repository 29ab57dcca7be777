"""The pages of import and export hold rights and scope, and do what they say."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from anlan.kernel.registers.writing import remove
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.kernel.sheets import jobs
from anlan.kernel.sheets.models import Import, ImportPiece
from anlan.parties.models import Account, Authority, Enterprise, Looked, Person

from .test_sheets import GOOD, code, text

pytestmark = pytest.mark.django_db
TESTER = Actor("test", "tests")


def signed_in(username: str, area_code: str, role: str = "district") -> Client:
    with acting(TESTER, EVERYWHERE):
        account = Account.objects.create(username=username, name=username, role=role, area_code=area_code)
        client = Client()
        client.force_login(account)
    return client


@pytest.fixture
def district() -> Client:
    return signed_in("d", "500112000000")


def send(client: Client, how: str, *rows: dict[str, Any]) -> Any:
    file = SimpleUploadedFile("名录.csv", text(*rows))
    return client.post("/r/enterprises/import/", {"file": file, "how": how}, follow=True)


def address() -> str:
    with acting(TESTER, EVERYWHERE):
        return Import.objects.latest("id").url


def enterprises() -> int:
    with acting(TESTER, EVERYWHERE):
        return Enterprise.objects.count()


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_checked_then_imported_without_sending_it_again_then_undone(district: Client) -> None:
    row = GOOD | {"credit_code": code(1)}
    assert district.get("/r/enterprises/import/").status_code == 200
    assert "尚未保存" in send(district, "check", row).content.decode()
    assert enterprises() == 0
    page = district.post(address() + "proceed/", {"how": "all"}, follow=True).content.decode()
    assert "文件已导入" in page
    assert enterprises() == 1
    assert "已撤销" in district.post(address() + "undo/", follow=True).content.decode()
    assert enterprises() == 0


def test_what_stands_against_an_undo_is_called_by_its_name(district: Client) -> None:
    named = {1: "保存的厂", 2: "更改的厂", 3: "关闭的厂"}
    send(district, "all", *(GOOD | {"name": name, "credit_code": code(n)} for n, name in named.items()))
    with acting(TESTER, EVERYWHERE):
        saved, changed, gone = Enterprise.objects.order_by("id")
        saved.save()
        changed.staff = 7
        changed.save()
        remove(gone, "重复登记")
    page = district.post(address() + "undo/", follow=True).content.decode()
    who = r"；tests于20\d\d-\d\d-\d\d \d\d:\d\d操作）"
    assert re.search(rf"保存的厂（{code(1)} · [^；（）]+）", page), "nobody changed it, though it was saved again"
    assert re.search(rf"更改的厂（{code(2)} · [^；（）]+{who}", page)
    assert re.search(f"关闭的厂（已删除{who}", page)


def test_a_checked_file_that_would_empty_values_says_so_and_is_imported_from_its_page(district: Client) -> None:
    send(district, "all", GOOD | {"credit_code": code(1)})
    page = send(district, "check", GOOD | {"credit_code": code(1), "staff": ""})
    assert page.status_code == 200
    assert "尚未保存" in page.content.decode()
    assert "从业人数 1" in page.content.decode()
    assert "文件已导入" in district.post(address() + "proceed/", {"how": "all"}, follow=True).content.decode()
    with acting(TESTER, EVERYWHERE):
        assert Enterprise.objects.get().staff is None


def test_a_small_file_that_unpacks_to_much_waits_for_the_worker(district: Client) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"<row/>" * 2_000_000)
    data = packed.getvalue()
    assert len(data) < jobs.AT_ONCE_BYTES < jobs.AT_ONCE_UNPACKED < jobs.unpacked(data)
    assert jobs.unpacked(b"name\n") == 5
    assert jobs.unpacked(data[: len(data) // 2] + data[-22:]) == 0
    file = SimpleUploadedFile("名录.xlsx", data)
    district.post("/r/enterprises/import/", {"file": file, "how": "check"})
    with acting(TESTER, EVERYWHERE):
        assert Import.objects.latest("id").state == "waiting"


@pytest.mark.django_db(transaction=True)  # what is part of an import is known by its transaction
def test_a_record_s_changes_name_the_import_that_they_were_part_of(district: Client) -> None:
    send(district, "all", GOOD | {"credit_code": code(1)})
    with acting(TESTER, EVERYWHERE):
        one = Enterprise.objects.get()
        one.staff = 7
        one.save()
        made = Import.objects.get()
    page = district.get(f"/r/enterprises/{one.pk}/?tab=audit").content.decode()
    assert page.count(f'<a href="{made.url}">导入“') == 1, "and not the change after it"


def test_an_import_names_the_person_who_made_it_and_his_authority(district: Client) -> None:
    send(district, "all", GOOD | {"credit_code": code(1)})
    with acting(TESTER, EVERYWHERE):
        bureau = Authority.objects.create(name="渝北区安监局", kind="supervisor", tier=3, area_code="500112000000")
        Account.objects.filter(username="d").update(name="王敏", authority=bureau)
    for page in ("/r/enterprises/import/", address()):
        assert "王敏 · 渝北区安监局" in district.get(page).content.decode()


def test_an_export_is_the_list_as_shown_within_the_scope(district: Client) -> None:
    send(district, "all", GOOD | {"credit_code": code(1)})
    with acting(TESTER, EVERYWHERE):
        Enterprise.objects.create(name="巴南厂", area_code="500113000000", industry_id="road")
    sheet = body(district.get("/r/enterprises/export.csv")).decode()
    assert "渝北一厂" in sheet
    assert "巴南厂" not in sheet
    page = openpyxl.load_workbook(io.BytesIO(body(district.get("/r/enterprises/export.xlsx?q=渝北")))).active
    assert page.max_row == 2


def test_an_export_of_people_is_logged_row_by_row(district: Client) -> None:
    with acting(TESTER, EVERYWHERE):
        for name in ("张三", "李四"):
            Person.objects.create(name=name, area_code="500112000000")
    body(district.get("/r/people/export.csv"))
    with acting(TESTER, EVERYWHERE):
        assert list(Looked.objects.values_list("page", flat=True)) == ["/r/people/export.csv"] * 2


def test_errors_are_shown_with_what_stands_there_and_returned_as_a_workbook(district: Client) -> None:
    right, wrong = GOOD | {"credit_code": code(1)}, GOOD | {"credit_code": code(2), "staff": "许多"}
    shown = send(district, "all", right, wrong).content.decode()
    for said in ("IMP022", "不是整数", "许多", "仅导入正确的 1 行"):
        assert said in shown
    opened = openpyxl.load_workbook(io.BytesIO(district.get(address() + "errors.xlsx").content))
    assert len(opened.worksheets) == 2
    assert "右" not in opened.sheetnames
    assert "正确的行已导入" in district.post(address() + "proceed/", {"how": "good"}, follow=True).content.decode()
    assert enterprises() == 1
    assert district.get(address() + "errors.xlsx").status_code == 200


def test_errors_are_told_in_the_readers_language(district: Client) -> None:
    send(district, "all", GOOD | {"credit_code": code(1), "status": "asleep", "area_code": "5001"})
    english = district.get(address(), headers={"accept-language": "en"}).content.decode()
    assert "Not one of the choices: Operating" in english
    assert "A division code has 12 digits." in english


def test_a_neighbour_can_neither_read_nor_guess_an_import(district: Client) -> None:
    send(district, "all", GOOD | {"credit_code": code(1), "staff": "x"})
    neighbour, below = signed_in("n", "500113000000"), signed_in("t", "500112131000", "township")
    nothing = "/r/enterprises/import/987654321/"
    for client in (neighbour, below):
        for path in ("", "errors.xlsx"):
            assert client.get(address() + path).status_code == client.get(nothing + path).status_code == 404
        for path in ("undo/", "proceed/"):
            assert client.post(address() + path).status_code == client.post(nothing + path).status_code == 404
        assert "名录.csv" not in client.get("/r/enterprises/import/").content.decode()
    above = signed_in("c", "500000000000", "city")
    assert above.get(address()).status_code == 200
    # He sees it, but it is not his to go on with.
    assert "不能继续" in above.post(address() + "proceed/", {"how": "good"}, follow=True).content.decode()
    # An import into one register is not found under the name of another.
    assert district.get(address().replace("enterprises", "people")).status_code == 404


def test_a_file_without_errors_is_not_kept_longer_than_needed(district: Client) -> None:
    send(district, "all", GOOD | {"credit_code": code(1)})
    with acting(TESTER, EVERYWHERE):
        assert not ImportPiece.objects.exists()


def test_who_may_not_import_is_told_so_and_a_missing_file_too(district: Client) -> None:
    assert "请选择文件" in district.post("/r/enterprises/import/", {"how": "all"}).content.decode()
    assert district.get("/r/divisions/import/").status_code == 403
    assert district.get("/r/nothing/import/").status_code == 404
    assert district.get("/r/enterprises/template.xlsx").status_code == 200
    assert district.get("/r/enterprises/export.csv?sort=nonsense").status_code == 400
    assert district.post("/r/enterprises/import/987654321/undo/").status_code == 404


def test_a_list_longer_than_a_spreadsheet_is_refused_as_one(district: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from anlan.kernel.sheets import writing

    monkeypatch.setattr(writing, "XLSX_ROWS", 1)
    send(district, "all", GOOD | {"credit_code": code(1)}, GOOD | {"credit_code": code(2)})
    answer = district.get("/r/enterprises/export.xlsx")
    assert answer.status_code == 400
    assert "CSV" in answer.content.decode()
    assert body(district.get("/r/enterprises/export.csv")).count(b"\n") == 3
