"""How the county's tables are read: what they call columns, units, kinds of problem and states."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from backend.rules.base import Frozen

if TYPE_CHECKING:
    from backend.county import County

# The columns of the old ledger, and what they are called in the ledgers we have seen; spaces and brackets do not count.
LEDGER_COLUMNS: dict[str, tuple[str, ...]] = {
    "number": ("编号", "问题编号", "案件编号", "台账编号", "台账号", "案件号", "问题序号"),
    "serial": ("序号", "号"),
    "text": ("问题描述", "问题", "问题内容", "存在问题", "主要问题", "具体问题", "问题情况", "案件描述", "内容"),
    "category": ("类别", "问题类别", "问题类型", "类型", "四乱类型", "案件类别"),
    "severity": ("严重程度", "问题等级", "等级", "问题性质"),
    "source": ("来源", "问题来源", "案件来源"),
    "opened_on": (
        "发现日期", "发现时间", "登记日期", "登记时间", "受理日期", "受理时间", "上报日期",
        "上报时间", "日期",
    ),
    "address": ("位置", "地点", "问题位置", "具体位置", "所在位置", "问题地点", "详细地址", "地址"),
    "lon": ("经度", "东经", "经度坐标", "x坐标"),
    "lat": ("纬度", "北纬", "纬度坐标", "y坐标"),
    "river": ("河流", "河流名称", "河湖名称", "所在河流", "河湖", "所在河湖"),
    "reach": ("河段", "河段名称", "所在河段", "河段编码"),
    "township": ("乡镇", "所在乡镇", "所属乡镇", "属地", "乡镇街道", "所在镇"),
    "lead_unit": ("主办单位", "责任单位", "整改单位", "整改责任单位", "牵头单位", "承办单位", "办理单位", "责任主体"),
    "assisting": ("协办单位", "配合单位", "协同单位"),
    "person": ("责任人", "整改责任人", "经办人", "负责人", "责任领导"),
    "assigned_on": ("交办日期", "交办时间", "下发日期", "转办日期", "转办时间", "派发时间"),
    "accepted_on": ("签收日期", "签收时间", "接收日期", "接收时间"),
    "started_on": ("开始整改日期", "整改开始时间", "启动整改时间"),
    "due_on": (
        "整改期限", "整改时限", "完成时限", "办理期限", "办理时限", "计划完成时间", "限期",
        "期限", "整改截止日期",
    ),
    "extended_on": ("延期至", "延期后期限", "延期期限", "延长至", "延期时限"),
    "asked_on": ("申请销号日期", "申请销号时间", "申请验收时间", "报验时间"),
    "closed_on": (
        "销号日期", "销号时间", "办结日期", "办结时间", "完成日期", "完成时间", "整改完成时间",
        "实际完成时间", "验收日期",
    ),
    "state": (
        "状态", "办理状态", "整改状态", "办理情况", "是否销号", "是否完成", "是否办结",
        "整改进度", "完成情况", "进度",
    ),
    "measure": ("整改措施", "处理措施", "措施", "处置措施"),
    "result": ("整改结果", "整改情况", "办理结果", "处理结果", "整改落实情况", "处置情况"),
    "note": ("备注", "说明"),
}  # fmt: skip
# The same of the orders that a 12345 centre sends.
ORDER_COLUMNS: dict[str, tuple[str, ...]] = {
    "number": (
        "工单编号", "工单号", "工单编码", "受理编号", "受理单号", "诉求编号", "事项编号", "案件编号", "热线编号",
        "流水号", "编号",
    ),
    "called_at": (
        "来电时间", "受理时间", "受理日期", "诉求时间", "登记时间", "创建时间", "来电日期", "反映时间", "工单时间",
        "派单时间", "交办时间",
    ),
    "text": (
        "诉求内容", "工单内容", "反映内容", "主要内容", "问题描述", "诉求描述", "来电内容", "内容描述", "诉求详情",
        "内容",
    ),
    "title": ("工单标题", "诉求标题", "标题", "主题"),
    "kind": ("工单类型", "诉求类型", "诉求目的", "来电目的", "工单性质", "诉求性质"),
    "category": ("诉求分类", "问题类别", "问题分类", "事项分类", "归口分类", "内容分类", "类别", "分类"),
    "urgency": ("紧急程度", "缓急程度", "工单等级", "紧急"),
    "caller": ("来电人", "来电人姓名", "诉求人", "诉求人姓名", "联系人", "姓名", "市民姓名", "反映人"),
    "phone": ("联系电话", "来电号码", "联系方式", "电话", "手机号", "手机号码", "来电电话", "主叫号码"),
    "address": ("事发地址", "诉求地址", "问题地址", "事发地点", "发生地址", "发生地点", "详细地址", "地址", "地点"),
    "township": ("所属乡镇", "所在乡镇", "乡镇街道", "所属街道", "所属区域", "事发区域", "乡镇", "属地"),
    "river": LEDGER_COLUMNS["river"],
    "reach": LEDGER_COLUMNS["reach"],
    "lon": LEDGER_COLUMNS["lon"],
    "lat": LEDGER_COLUMNS["lat"],
    "sign_by": ("签收时限", "签收期限", "签收截止时间", "接单时限", "响应时限", "签收到期时间"),
    "answer_by": (
        "答复时限", "办结时限", "办理时限", "回复时限", "反馈时限", "办理期限", "答复期限", "办结期限", "反馈期限",
        "截止时间", "办结截止时间", "到期时间", "处理时限",
    ),
    "note": ("备注", "说明", "派单意见", "交办意见"),
}  # fmt: skip
# What the centre is answered, and what its form calls it unless the county says otherwise.
ANSWER_FIELDS: dict[str, str] = {
    "number": "工单编号", "called_at": "受理时间", "kind": "工单类型", "case_number": "承办编号", "unit": "承办单位",
    "result": "办理结果", "ended_at": "办结时间", "answer_by": "答复时限", "in_time": "是否按时办结",
    "answer": "答复内容", "note": "备注",
}  # fmt: skip
URGENT_WORDS = ("紧急", "特急", "加急", "急件", "急", "是")
CATEGORY_WORDS = {
    "乱占": "encroachment", "乱建": "encroachment", "侵占": "encroachment", "违建": "encroachment",
    "乱采": "sand_mining", "采砂": "sand_mining", "乱堆": "garbage", "垃圾": "garbage", "漂浮物": "floating",
    "排污": "illegal_discharge", "污水": "illegal_discharge", "养殖": "livestock", "黑臭": "black_odor",
    "电鱼": "fishing", "捕捞": "fishing", "设施": "facility", "公示牌": "facility",
}  # fmt: skip
OldState = Literal["triage", "assigned", "accepted", "rectifying", "in_review", "closed", "archived", "rejected"]
STATE_WORDS: dict[OldState, tuple[str, ...]] = {
    "triage": ("待交办", "待分办", "未交办"),
    "assigned": ("已交办", "待签收", "未签收"),
    "accepted": ("已签收", "已接收", "待整改"),
    "rectifying": (
        "整改中", "正在整改", "办理中", "正在办理", "处理中", "进行中", "未完成", "未销号",
        "未整改", "未办结", "否", "逾期",
        "持续整改", "推进中",
    ),
    "in_review": ("申请销号", "待核查", "待销号", "待验收", "已整改待验收", "待审核"),
    "closed": (
        "已销号", "销号", "已办结", "办结", "已完成", "完成", "完成整改", "整改完成",
        "已完成整改", "已整改", "是", "已结案",
        "结案", "已处理", "√",
    ),
    "archived": ("已归档", "归档"),
    "rejected": ("不予受理", "不受理", "不属实", "作废"),
}  # fmt: skip


class AnswerColumn(Frozen):
    """A column of the file that answers the centre: one of ANSWER_FIELDS, and what the centre's form calls it."""

    field: str
    heading: str = Field(min_length=1, max_length=50)

    @field_validator("field")
    @classmethod
    def _is_known(cls, field: str) -> str:
        if field not in ANSWER_FIELDS:
            raise ValueError(f"没有 {field} 这样的字段，只有：{'、'.join(ANSWER_FIELDS)}")
        return field


_ANSWER_COLUMNS = tuple(AnswerColumn(field=field, heading=heading) for field, heading in ANSWER_FIELDS.items())


class ImportRules(Frozen):
    """What a county writes is added to what is built in.

    `columns`: field of the old ledger → headings; `order_columns`: the same of the orders of the hotline. `units`: unit
    code → other names. `categories`, `severities`: a word in the cell → code, `other_category` for what matches none
    (without it such a row is faulty). `states`: state → words. `urgent_words`: what an urgent order is called.
    `answer_columns`: all columns of the file that answers the centre, in its order. `coord_type`: what the coordinates
    of the files are; without it they are not used. `no_deadline`: what stands in a deadline that has no date.
    `withdraw_hours`: how long an import can be withdrawn as a whole, while nobody has acted on its cases.
    """

    columns: dict[str, tuple[str, ...]] = Field(default={}, validate_default=True)
    order_columns: dict[str, tuple[str, ...]] = Field(default={}, validate_default=True)
    urgent_words: tuple[str, ...] = URGENT_WORDS
    answer_columns: tuple[AnswerColumn, ...] = Field(default=_ANSWER_COLUMNS, min_length=1)
    units: dict[str, tuple[str, ...]] = {}
    categories: dict[str, str] = Field(default={}, validate_default=True)
    other_category: str | None = None
    severities: dict[str, str] = {}
    states: dict[OldState, tuple[str, ...]] = Field(default={}, validate_default=True)
    coord_type: Literal["wgs84", "gcj02"] | None = None
    no_deadline: tuple[str, ...] = ("立行立改", "立即", "即知即改", "长期", "长期坚持", "持续", "常态化")
    withdraw_hours: int = Field(default=24, ge=0)

    @field_validator("columns")
    @classmethod
    def _with_built_in_columns(cls, given: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return _columns(LEDGER_COLUMNS, given)

    @field_validator("order_columns")
    @classmethod
    def _with_built_in_order_columns(cls, given: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return _columns(ORDER_COLUMNS, given)

    @field_validator("categories")
    @classmethod
    def _with_built_in_categories(cls, given: dict[str, str]) -> dict[str, str]:
        return {**CATEGORY_WORDS, **given}

    @field_validator("states")
    @classmethod
    def _with_built_in_states(cls, given: dict[OldState, tuple[str, ...]]) -> dict[OldState, tuple[str, ...]]:
        return added(STATE_WORDS, given)

    def faults(self, county: County) -> Iterator[tuple[str, str]]:
        """Only what the county wrote itself: a built-in word for a kind that it does not have is no fault."""
        if "number" not in {column.field for column in self.answer_columns}:
            yield "answer_columns", '答复 12345 的表格里要有工单编号（field = "number"）'
        for code in self.units:
            if code not in county.unit_by_code:
                yield code, f"没有代码为 {code} 的单位"
        for word, code in self.categories.items():
            if code not in county.category_by_code and CATEGORY_WORDS.get(word) != code:
                yield word, f"“{word}”：没有代码为 {code} 的类别"
        if self.other_category is not None and self.other_category not in county.category_by_code:
            yield "other_category", f"没有代码为 {self.other_category} 的类别"
        for word, code in self.severities.items():
            if code not in county.severity_by_code:
                yield word, f"“{word}”：没有代码为 {code} 的严重程度"


def _columns(known: dict[str, tuple[str, ...]], given: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    unknown = given.keys() - known.keys()
    if unknown:
        raise ValueError(f"没有 {'、'.join(sorted(unknown))} 这样的列，只有：{'、'.join(known)}")
    return added(known, given)


def added(built_in: dict[Any, tuple[str, ...]], given: dict[Any, tuple[str, ...]]) -> dict[Any, tuple[str, ...]]:
    """The words of both, each once; said again, as when a stored document is read, they change nothing."""
    return {key: tuple(dict.fromkeys((*words, *given.get(key, ())))) for key, words in built_in.items()}
