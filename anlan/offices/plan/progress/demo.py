"""The demonstration's progress of the clauses: May approved, late and missing, and closed; June running."""

from __future__ import annotations

import io
from datetime import date, datetime
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from anlan.kernel import clock
from anlan.kernel.cases import engine
from anlan.kernel.scope import acting
from anlan.parties.demo import DemoCity

from ..watch import unproved, watching
from . import closing, reports
from .models import PeriodException, ProgressReport

CITY = "500000000000"


def load(city: DemoCity) -> None:
    """May's progress, approved, late and missing, and closed; June's running; and who is warned today."""
    may, closed_at = date(2013, 5, 1), datetime(2013, 6, 13, 17, 0, tzinfo=clock.BEIJING)
    with clock.frozen(datetime(2013, 5, 1, 0, 10, tzinfo=clock.BEIJING)):
        asked = reports.demand(("committee_office", "supervisor", "department"))
    user, office, yubei = (city.accounts[name] for name in ("city", "city-planning", "district"))
    department = city.accounts["department"]
    found = ProgressReport.objects.filter(period=f"{may:%Y-%m}").select_related("authority").order_by("pk")
    colleagues = {one.area_code: one for one in city.accounts.values() if one.role == "district"}
    colleagues[CITY] = office
    done = 0
    with clock.frozen(datetime(2013, 6, 5, 15, 10, tzinfo=clock.BEIJING)):
        for report in found.filter(industry=None, authority__kind__in=("supervisor", "committee_office")):
            writer = colleagues.get(report.area_code)
            if writer is None or writer.area_code in city.laggards:
                continue
            with acting(writer.actor, writer.scope):
                facts: dict[str, Any] = {"done": WRITTEN.get(report.code, DONE), "percent": 42}
                if writer == yubei:
                    facts["proof"] = [_proof()]
                engine.move(report, "submit_to_city", by=writer, seen_version=report.version, **facts)
            done += 1
        for report in found.filter(industry__in=department.industries, area_code=CITY):
            with acting(department.actor, department.scope):
                engine.move(report, "submit_to_city", by=department, seen_version=report.version, done=DONE, percent=38)
            done += 1
    with clock.frozen(datetime(2013, 6, 9, 10, 0, tzinfo=clock.BEIJING)), acting(user.actor, user.scope):
        waits = sorted(set(colleagues) - {CITY, yubei.area_code} - set(city.laggards))[:3]  # not looked at yet
        for report in ProgressReport.objects.filter(state="at_city").exclude(area_code__in=waits):
            engine.move(report, "approve", by=user, seen_version=report.version)
    with clock.frozen(datetime(2013, 6, 1, 0, 10, tzinfo=clock.BEIJING)):
        asked += reports.demand()
    with clock.frozen(closed_at):
        closed = closing.close("2013-05", CITY, user, "五月进展已汇总（演示）")
        laggard = colleagues[sorted(city.laggards)[0]]
        PeriodException.objects.create(
            closing=closed, account=laggard, area_code=laggard.area_code, until=date(2013, 6, 20), opened_by_id=user.pk,
            opened_by_name=user.name,
            reason="区县机构负责人空缺，准予补报五月进展（演示）",
        )  # fmt: skip
    slips = len(watching.look()) + unproved.look()
    city.say(f"progress: {asked} reports asked, {done} of May written, May closed with one exception; {slips} warnings")


DONE = "本月按责任分工推进，已对照任务清单逐项检查，未完成事项列入下月计划（演示）。"
WRITTEN = {
    "W3.5": "本月组织隐患排查，重大隐患均已挂牌并明确整改责任人；对逾期未改的下达整改指令（演示）。",
    "W5.2": "本月开展打非治违联合执法，取缔非法生产点，结果已公示（演示）。",
}


def _proof() -> SimpleUploadedFile:
    """A checklist, drawn: what it shows is made up."""
    from PIL import Image, ImageDraw

    sheet = Image.new("RGB", (320, 240), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((20, 14), "SYNTHETIC / DEMO", fill="#888")
    for n in range(6):
        y = 44 + 30 * n
        pen.rectangle((20, y, 38, y + 18), outline="#333", width=2)
        pen.line((23, y + 9, 28, y + 15, 36, y + 3), fill="#1a6", width=3)
        pen.line((52, y + 9, 180 + 20 * (n % 4), y + 9), fill="#999", width=4)
    found = io.BytesIO()
    sheet.save(found, "PNG")
    return SimpleUploadedFile("检查清单（演示）.png", found.getvalue())
