"""The pages of import and export hold rights and scope, and do what they say."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.kernel.sheets.models import Import
from anlan.parties.models import Account, Enterprise

from .test_sheets import GOOD, code, text

pytestmark = pytest.mark.django_db
TESTER = Actor("test", "tests")


@pytest.fixture
def district() -> Client:
    with acting(TESTER, EVERYWHERE):
        account = Account.objects.create(username="d", name="渝北局", role="district", area_code="500112000000")
        client = Client()
        client.force_login(account)
    return client


def send(client: Client, how: str, *rows: dict[str, Any], **more: str) -> Any:
    file = SimpleUploadedFile("名录.csv", text(*rows))
    return client.post("/r/enterprises/import/", {"file": file, "how": how, **more})


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def test_checked_imported_exported_undone(district: Client) -> None:
    row = GOOD | {"credit_code": code(1)}
    assert district.get("/r/enterprises/import/").status_code == 200
    assert "尚未保存" in send(district, "check", row).content.decode()
    with acting(TESTER, EVERYWHERE):
        Enterprise.objects.create(name="巴南厂", area_code="500113000000", industry_id="road")
        assert Enterprise.objects.count() == 1
    assert "文件已导入" in send(district, "all", row).content.decode()
    sheet = body(district.get("/r/enterprises/export.csv")).decode()
    assert "渝北一厂" in sheet
    assert "巴南厂" not in sheet
    page = openpyxl.load_workbook(io.BytesIO(body(district.get("/r/enterprises/export.xlsx?q=渝北")))).active
    assert page.max_row == 2
    with acting(TESTER, EVERYWHERE):
        number = Import.objects.get().pk
    assert district.post(f"/r/enterprises/import/{number}/undo/").status_code == 302
    with acting(TESTER, EVERYWHERE):
        assert not Enterprise.objects.filter(credit_code=code(1)).exists()


def test_errors_are_shown_and_returned_as_a_workbook(district: Client) -> None:
    wrong = GOOD | {"credit_code": code(1), "staff": "x"}
    shown = send(district, "all", wrong).content.decode()
    assert "IMP022" in shown
    assert "不是整数" in shown
    answer = send(district, "all", wrong, workbook="1")
    assert len(openpyxl.load_workbook(io.BytesIO(answer.content)).worksheets) == 2


def test_who_may_not_import_is_told_so_and_a_missing_file_too(district: Client) -> None:
    assert "请选择文件" in district.post("/r/enterprises/import/", {"how": "all"}).content.decode()
    assert district.get("/r/divisions/import/").status_code == 403
    assert district.get("/r/nothing/import/").status_code == 404
    assert district.get("/r/enterprises/template.xlsx").status_code == 200
    assert district.get("/r/enterprises/export.csv?sort=nonsense").status_code == 400
    assert district.post("/r/enterprises/import/987654321/undo/").status_code == 404
