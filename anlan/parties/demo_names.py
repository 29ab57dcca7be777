"""Words of which the demonstration city makes its names. All names are synthetic."""

# ruff: noqa: E501 (a table reads better in one line a kind)

from __future__ import annotations

from dataclasses import dataclass
from random import Random

SURNAMES = "李王张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文冉向"
GIVEN_FIRST = "建国志明晓家永德文春光世宗正天立洪开小大云宏俊学少海玉成兴贵启中"
GIVEN_SECOND = "军伟强勇平华林波刚明辉斌龙涛超鹏飞红梅芳燕玲丽英霞敏洁琴蓉全友富祥元忠生才权"
BRAND_FIRST = "渝江嘉鼎恒宏瑞鑫盛泰宇华庆巴川丰润兴通康源博远星龙金顺长立众万蜀汇峰"
BRAND_SECOND = "安达隆昌利来泰和信诚业成旺发腾辉阳光大升茂祥福美凯捷新云天"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of enterprise: how many of 2,000, its class, its words, its size and where it tends to be.

    `staff` is the median head count; `revenue` is 10,000 yuan a head; `districts` weighs places up
    (empty: everywhere by size).
    """

    count: int
    industry: str | None
    gb4754: str
    words: tuple[str, ...]
    staff: int
    revenue: float
    districts: tuple[str, ...] = ()
    named_by_place: bool = False
    industrial: bool = True


COAL_BELT = ("奉节", "开州", "綦江", "南川", "永川", "荣昌", "巫山", "秀山", "彭水", "合川", "北碚", "大足", "巫溪")
RIVER = ("万州", "涪陵", "渝中", "江北", "巴南", "长寿", "江津", "忠县", "云阳", "奉节", "巫山", "丰都")
CHEMICAL = ("长寿", "涪陵", "万州", "渝北", "江津", "永川", "潼南")
URBAN = ("渝中", "江北", "沙坪坝", "九龙坡", "南岸", "渝北", "大渡口", "北碚", "巴南", "万州", "涪陵")

KINDS = (
    Kind(90, "coal", "0610", ("煤矿有限公司", "煤业有限公司", "煤矿"), 140, 22, COAL_BELT, True),
    Kind(95, "noncoal_mine", "1011", ("石灰石矿", "采石场", "石材开采有限公司"), 26, 30, (), True),
    Kind(45, "noncoal_mine", "1012", ("砂岩矿", "建材矿业有限公司"), 22, 28, (), True),
    Kind(10, "noncoal_mine", "0820", ("锰矿有限公司",), 90, 30, ("秀山", "城口", "酉阳"), True),
    Kind(60, "road", "5420", ("旅客运输有限公司", "汽车客运有限公司", "长途客运有限公司"), 120, 18, industrial=False),
    Kind(80, "road", "5430", ("物流有限公司", "货运有限公司", "危险货物运输有限公司"), 45, 35, industrial=False),
    Kind(25, "road", "5411", ("公共交通有限公司", "城乡公交有限公司"), 260, 12, industrial=False),
    Kind(15, "road", "5413", ("出租汽车有限公司",), 180, 10, URBAN, industrial=False),
    Kind(20, "water", "5512", ("客轮有限公司", "轮船客运有限公司"), 60, 20, RIVER, industrial=False),
    Kind(30, "water", "5523", ("船务有限公司", "航运有限公司", "港埠有限公司"), 75, 30, RIVER, industrial=False),
    Kind(110, "hazchem", "5264", ("加油站",), 9, 220, (), True, industrial=False),
    Kind(40, "hazchem", "2614", ("精细化工有限公司", "化工有限公司", "化学工业有限公司"), 160, 95, CHEMICAL),
    Kind(30, "hazchem", "2641", ("涂料有限公司", "树脂有限公司"), 70, 80, CHEMICAL),
    Kind(25, "hazchem", "2619", ("气体有限公司", "工业气体有限公司"), 35, 70, CHEMICAL),
    Kind(30, "fireworks", "2672", ("烟花爆竹有限公司", "花炮厂"), 85, 12, ("合川", "荣昌", "潼南", "铜梁", "梁平"), True),
    Kind(120, "construction", "4700", ("建筑工程有限公司", "建设（集团）有限公司"), 210, 28, industrial=False),
    Kind(50, "construction", "4813", ("市政工程有限公司", "路桥工程有限公司"), 130, 32, industrial=False),
    Kind(30, "construction", "4910", ("机电设备安装有限公司", "建筑安装工程有限公司"), 60, 25, industrial=False),
    Kind(70, "fire", "6110", ("大酒店有限公司", "宾馆", "酒店管理有限公司"), 75, 11, URBAN, industrial=False),
    Kind(80, "fire", "6210", ("餐饮文化有限公司", "火锅餐饮有限公司", "饮食有限公司"), 40, 9, URBAN, industrial=False),
    Kind(50, "fire", "8911", ("歌城", "娱乐有限公司", "量贩式歌厅"), 35, 10, URBAN, industrial=False),
    Kind(25, "special_equipment", "", ("电梯工程有限公司", "锅炉安装有限公司", "索道有限公司"), 55, 20, industrial=False),
    Kind(30, "metallurgy", "3120", ("钢铁有限公司", "特钢有限公司", "铸钢有限公司"), 380, 120, ("长寿", "大渡口", "永川")),
    Kind(25, "nonferrous", "3216", ("铝业有限公司", "铜业有限公司"), 240, 110, ("綦江", "南川", "九龙坡", "黔江")),
    Kind(4, "aviation", "5631", ("机场地面服务有限公司", "通用航空有限公司"), 160, 30, ("渝北", "万州", "黔江"), industrial=False),
    Kind(6, "railway", "5320", ("铁路货运服务有限公司",), 150, 20, ("沙坪坝", "九龙坡", "万州"), industrial=False),
    Kind(8, "civil_explosives", "2671", ("民爆器材有限公司",), 110, 60, ("綦江", "江津", "涪陵")),
    Kind(110, "machinery", "3660", ("汽车零部件有限公司", "汽车配件有限公司"), 150, 55),
    Kind(90, "machinery", "3751", ("摩托车制造有限公司", "摩托车配件有限公司"), 130, 45),
    Kind(70, "machinery", "3484", ("机械制造有限公司", "精密机械有限公司"), 60, 40),
    Kind(50, "machinery", "3922", ("电子科技有限公司", "通信设备有限公司"), 320, 60, ("沙坪坝", "渝北", "璧山")),
    Kind(30, "agri_machinery", "0511", ("农机服务专业合作社", "农业机械服务有限公司"), 16, 6, (), True, industrial=False),
    Kind(12, "fishing_vessel", "0422", ("渔业捕捞合作社",), 18, 5, RIVER, True, industrial=False),
    Kind(15, "power", "4412", ("水电开发有限公司", "水电站"), 32, 60, ("石柱", "彭水", "城口", "巫溪", "酉阳"), True),
    Kind(15, "power", "4411", ("热电有限公司", "发电有限公司"), 210, 90),
    Kind(136, "trade", "1353", ("食品有限公司", "肉类食品有限公司", "粮油有限公司"), 55, 50),
    Kind(80, "trade", "3031", ("新型建材有限公司", "页岩砖厂", "水泥有限公司"), 65, 35),
    Kind(60, "trade", "2710", ("制药有限公司", "药业有限公司"), 140, 65),
    Kind(60, "trade", "2921", ("塑料制品有限公司", "橡胶制品有限公司"), 48, 42),
    Kind(45, "trade", "2110", ("家具有限公司", "木业有限公司"), 42, 30),
    Kind(14, None, "4500", ("燃气有限责任公司", "天然气有限公司"), 95, 80),
    Kind(10, None, "5990", ("仓储有限公司", "冷链仓储有限公司"), 40, 45, industrial=False),
)  # fmt: skip

DISTRICT_WEIGHT = {
    "渝北": 11, "九龙坡": 8, "江北": 7, "沙坪坝": 7, "万州": 7, "涪陵": 6, "巴南": 6, "南岸": 6, "江津": 6, "渝中": 4,
    "永川": 5, "合川": 5, "长寿": 5, "北碚": 5, "璧山": 4, "大足": 4, "綦江": 4, "开州": 4, "荣昌": 3, "铜梁": 3,
    "奉节": 3, "云阳": 3, "南川": 3, "大渡口": 3, "潼南": 3,
}  # fmt: skip
"""Where enterprises are, roughly; a district not named weighs 2."""


def person(rng: Random) -> str:
    """A person's name."""
    given = rng.choice(GIVEN_SECOND) if rng.random() < 0.3 else rng.choice(GIVEN_FIRST) + rng.choice(GIVEN_SECOND)
    return rng.choice(SURNAMES) + given


def phone(rng: Random) -> str:
    """A telephone number that no network gives out (local numbers never begin with 0)."""
    return f"023-0{rng.randrange(10_000_000):07d}"
