"""`anlan import` and `anlan export`: exit codes, JSON, and the scope of the account named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.kernel.sheets.commands import export, import_
from anlan.parties.models import Account, Enterprise

from .test_sheets import GOOD, code, text

pytestmark = pytest.mark.django_db


def test_a_sheet_goes_in_and_comes_out(tmp_path: Path) -> None:
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    file.write_bytes(text(GOOD | {"credit_code": code(1)}))
    run = CliRunner().invoke(import_, ["enterprises", str(file), "--json"])
    assert run.exit_code == 0, run.output
    answer = json.loads(run.stdout)
    assert (answer["added"], answer["applied"], answer["errors"]) == (1, True, [])
    assert CliRunner().invoke(export, ["enterprises", "--format", "csv", "--out", str(out)]).exit_code == 0
    again = json.loads(CliRunner().invoke(import_, ["enterprises", str(out), "--json"]).stdout)
    assert (again["changed"], again["unchanged"]) == (0, 1)


def test_errors_exit_1_and_wrong_calls_2(tmp_path: Path) -> None:
    file, marked = tmp_path / "in.csv", tmp_path / "errors.xlsx"
    file.write_bytes(text(GOOD | {"credit_code": code(1), "staff": "x"}))
    run = CliRunner().invoke(import_, ["enterprises", str(file), "--json", "--errors", str(marked)])
    assert run.exit_code == 1
    (error,) = json.loads(run.stdout)["errors"]
    assert (error["row"], error["code"], error["reason_zh"], error["reason_en"]) == (
        2, "IMP022", "不是整数。", "Not a whole number."
    )  # fmt: skip
    assert marked.read_bytes()[:2] == b"PK"
    assert CliRunner().invoke(import_, ["nothing", str(file)]).exit_code == 2
    assert CliRunner().invoke(import_, ["enterprises", str(file), "--as", "nobody"]).exit_code == 2


def test_as_an_account_its_scope_holds(tmp_path: Path) -> None:
    with acting(Actor("test", "tests"), EVERYWHERE):
        Account.objects.create(username="d", name="渝北局", role="district", area_code="500112000000")
        Enterprise.objects.create(name="巴南厂", area_code="500113000000", industry_id="road")
    out = tmp_path / "out.csv"
    assert CliRunner().invoke(export, ["enterprises", "--format", "csv", "--as", "d", "--out", str(out)]).exit_code == 0
    assert "巴南厂" not in out.read_text(encoding="utf-8")
    file = tmp_path / "in.csv"
    file.write_bytes(text(GOOD | {"credit_code": code(1), "area_code": "500113000000"}))
    assert CliRunner().invoke(import_, ["enterprises", str(file), "--as", "d"]).exit_code == 1
    assert CliRunner().invoke(import_, ["divisions", str(file), "--as", "d"]).exit_code == 2
