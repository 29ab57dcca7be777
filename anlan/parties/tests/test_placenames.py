"""Names of enterprises without their places, and that they are found by them."""

from __future__ import annotations

import pytest
from django.test import Client

from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties.models import Account, Enterprise
from anlan.parties.placenames import all_without_place


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("重庆市渝北区恒达机械厂", "恒达机械厂"),
        ("重庆渝北恒达机械有限公司", "恒达机械有限公司"),
        ("重庆市渝北区龙兴镇恒达机械厂", "恒达机械厂"),
        ("渝北区恒达机械厂", "恒达机械厂"),
        ("重庆市渝北区龙兴康成石灰石矿", "康成石灰石矿"),
        ("渝北龙兴康成石灰石矿", "康成石灰石矿"),
        ("重庆市渝北区龙兴矿", "龙兴矿"),  # what would be left is no name
        ("重庆龙兴康成石灰石矿", "龙兴康成石灰石矿"),  # after no district it may be the enterprise's own
        ("重庆市渝北区龙兴镇洛碛建材厂", "洛碛建材厂"),
        ("重庆渝安精细化工有限公司", "渝安精细化工有限公司"),
        ("重庆市彭水苗族土家族自治县兴旺煤矿", "兴旺煤矿"),
        ("彭水县兴旺煤矿", "兴旺煤矿"),
        ("忠县兴旺煤矿", "兴旺煤矿"),
        ("恒达机械厂", ""),  # found by its name already
        ("重庆市渝北区", ""),
        ("重庆厂", ""),
        ("", ""),
    ],
)
def test_a_name_without_its_place(name: str, own: str) -> None:
    assert all_without_place([name]) == [own]


@pytest.mark.django_db
def test_an_enterprise_is_found_by_its_name_without_the_place(client: Client) -> None:
    with acting(Actor("test", "tests"), EVERYWHERE):
        account = Account.objects.create(username="x", name="x", role="district", area_code="500112000000")
        wanted = Enterprise.objects.create(name="重庆市渝北区恒达机械厂", area_code="500112000000")
        Enterprise.objects.create(name="重庆市巴南区恒达机械厂", area_code="500113000000")
        renamed = Enterprise.objects.create(name="重庆市渝北区恒达茶厂", area_code="500112000000")
        renamed.name = "重庆市渝北区永兴茶厂"
        renamed.save()
    client.force_login(account)
    for text in ("恒达", "hdj", "HDJX", "cqsybqhdjx"):
        groups = client.get("/search", {"q": text}).json()["groups"]
        assert [hit["title"] for group in groups for hit in group["hits"]] == [wanted.name], text
    assert [row["url"] for row in client.get("/r/enterprises/?q=恒达机械").context["rows"]] == [
        f"/r/enterprises/{wanted.pk}/"
    ]
    picked = client.get("/r/enterprises/pick/", {"q": "永兴"}).json()["rows"]
    assert [row["value"] for row in picked] == [str(renamed.pk)]
