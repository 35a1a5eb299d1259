"""Notices: an inbox row always; a subscription message and, where it cannot wait, an SMS besides."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from backend.domain import deadlines, deputies, handlers, notice_pages
from backend.domain.actors import UNIT_ROLES
from backend.domain.deadlines import words as moment_words
from backend.domain.faults import NotFound
from backend.models import Account, Case, CaseEvent, Consent, Delivery, FollowUp, Notice, Person, Report, RosterRole

if TYPE_CHECKING:
    from backend.work import Work

# action → (title, body); {number} {category} {unit} {until} {body} are filled in. No words of people enter a notice.
_TO_UNIT = {
    "assign": ("新交办案件", "{number} {category}已交办给{unit}，请按时签收。"),
    "reassign": ("新交办案件", "{number} {category}已改派给{unit}，请按时签收。"),
    "rule": ("裁定交办", "{number} {category}经裁定由{unit}办理，不能再退回。"),
    "send_back": ("销号申请被驳回", "{number} {category}需要继续整改，请查看驳回理由。"),
    "close": ("案件已销号", "{number} {category}已核查销号。"),
    "fail_follow_up": ("回头看发现反弹", "{number} {category}重新进入整改。"),
    "forward": ("举报人补充了情况", "{number} {category}的举报人补充了情况，请查看。"),
    "withdraw": ("举报人撤回举报", "{number} {category}的一份举报已由举报人撤回，案件继续办理。"),
    "decline_rejection": ("未采纳不予受理的建议", "{number} {category}请继续办理，请查看县河长办的理由。"),
    "grant_extension": ("同意延期", "{number} {category}的整改期限延长到{until}。"),
    "refuse_extension": ("不同意延期", "{number} {category}的整改期限仍是{until}，请查看县河长办的理由。"),
}
# To the units that the event's data names as assisting.
_TO_ASSISTING = {
    "assign": ("请协办", "{number} {category}由{unit}主办，请你单位协办，并确认收到。"),
    "reassign": ("请协办", "{number} {category}改由{unit}主办，请你单位协办，并确认收到。"),
    "rule": ("请协办", "{number} {category}经裁定由{unit}主办，请你单位协办，并确认收到。"),
    "add_assisting": ("请协办", "{number} {category}由{unit}主办，请你单位协办，并确认收到。"),
    "release_assisting": ("不再协办", "{number} {category}不再需要你单位协办。"),
}
_TO_OFFICE = {
    "hold": ("待分办案件", "{number} {category}需要人工分办。"),
    "return": ("单位退回案件", "{number} {category}被退回，请重新交办或裁定。"),
    "request_closure": ("申请销号", "{number} {category}申请销号，请核查。"),
    "settle_on_spot": ("现场办结待确认", "{number} {category}由河长现场办结，请核对后确认。"),
    "dispute": ("举报人提出异议", "{number} {category}的举报人对办理结果有异议。"),
    "reply_supervision": ("督办已回复", "{number} {category}的督办有了回复，请审核。"),
    "reply_reminder": ("催办已回复", "{number} {category}的催办有了回复，请查看。"),
    "propose_rejection": ("建议不予受理", "{unit}建议对{number} {category}不予受理，请决定。"),
    "ask_extension": ("申请延期", "{unit}申请将{number} {category}延期到{until}，请决定。"),
    "withdraw_extension": ("撤回延期申请", "{unit}撤回了{number} {category}的延期申请，不用再决定。"),
    "withdraw": ("举报人撤回举报", "{number} {category}的一份举报已由举报人撤回，案件继续办理。"),
    "appeal": ("举报人申诉", "{number} {category}的举报人对不予受理提出申诉。"),
}
_TO_REPORTER = {
    "assign": ("您的举报已交办", "您反映的{category}问题（{number}）已交由{unit}办理。"),
    "accept": ("您的举报已签收", "{unit}已签收您反映的{category}问题（{number}）。"),
    "close": ("您的举报已办结", "您反映的{category}问题（{number}）已办结，欢迎评价。"),
    "reject": ("您的举报未予受理", "您反映的{category}问题（{number}）未予受理，可查看理由并申诉一次。"),
    "transfer": ("您的举报已移送", "您反映的{category}问题（{number}）不归本县管理，已移送{body}办理。"),
    "merge": ("您的举报已并案", "您反映的{category}问题已与同一问题合并办理，进展会继续告知您。"),
    "grant_extension": (
        "整改时间延长",
        "您反映的{category}问题（{number}）整改时间延长到{until}，理由可在进展中查看。",
    ),
    "fail_follow_up": ("问题重新整改", "复查发现{category}问题（{number}）反弹，已要求重新整改。"),
}
_ALLOCATED = ("请您经办", "{number} {category}由您经办，请按时办理。")
_NOTED = ("案件有补充情况", "{number} {category}有新的补充情况，请查看。")
_UNRELEASED = ("举报人补充了情况", "{number} {category}的举报人补充了情况，请查看；需要转办的请审核转办。")
_TO_INSPECTOR = ("回头看任务", "{number} {category}由您回头看，请在{from_on}起、{due}前到现场核查。")
_FOLLOW_UP_OVERDUE = ("回头看逾期", "{number} {category}的回头看应在{due}前完成，至今没有结果。")
# What cannot wait goes by SMS as well: a case newly held, and of an urgent case whatever somebody has to do now.
NEWLY_ASSIGNED = frozenset({"assign", "reassign", "rule"})
CALLS_FOR_ACTION = NEWLY_ASSIGNED | frozenset({"send_back", "fail_follow_up", *_TO_OFFICE})


def tell(work: Work, case_id: UUID, seq: int) -> None:
    """Write the notices that one event calls for. Repeats write nothing twice."""
    event = work.session.scalars(select(CaseEvent).where(CaseEvent.case_id == case_id, CaseEvent.seq == seq)).one()
    case = work.session.get_one(Case, case_id)
    kind = event.action
    # The unit of the event, not of now: by the time this is written the case may be with another.
    lead = event.data.get("unit") or case.lead_unit
    category, unit = work.county.category_by_code.get(case.category), work.county.unit_by_code.get(lead or "")
    words = {
        "number": case.number,
        "category": category.name if category else case.category,
        "body": event.data.get("body", ""),
        "unit": unit.name if unit else "县河长办",
    }
    if "rectify_by" in event.data:
        words["until"] = deadlines.words(datetime.fromisoformat(event.data["rectify_by"]))
    if kind in _TO_UNIT and lead:
        for person in handlers.recipients(work, case, lead):
            _write(work, case, f"{case_id}/{seq}/p{person}", kind, _TO_UNIT[kind], words, person_id=person)
    if kind == "allocate" and event.unit_code:
        for person in deputies.with_deputies(work, [UUID(event.data["handler"])], event.unit_code):
            _write(work, case, f"{case_id}/{seq}/p{person}", kind, _ALLOCATED, words, person_id=person)
    if kind == "supplement":
        _tell_of_supplement(work, case, event, words)
    if kind in _TO_ASSISTING:
        for assisting in event.data["assisting"]:
            for person in handlers.recipients(work, case, assisting):
                _write(work, case, f"{case_id}/{seq}/p{person}", kind, _TO_ASSISTING[kind], words, person_id=person)
    if kind == "note" and case.lead_unit and event.unit_code != case.lead_unit:
        for person in handlers.recipients(work, case, case.lead_unit):
            _write(work, case, f"{case_id}/{seq}/p{person}", kind, _NOTED, words, person_id=person)
    if kind in _TO_OFFICE:
        for person in holders(work, work.county.office, frozenset({"office"})):
            _write(work, case, f"{case_id}/{seq}/p{person}", kind, _TO_OFFICE[kind], words, person_id=person)
    inspector = event.data.get("follow_up", {}).get("inspector")
    if inspector:
        planned = work.session.get_one(FollowUp, UUID(event.data["follow_up"]["id"]))
        words |= _dates(planned)
        key = f"{case_id}/{seq}/i{inspector}"
        _write(work, case, key, "follow_up", _TO_INSPECTOR, words, person_id=UUID(inspector))
    if kind in _TO_REPORTER:
        # Of a merge only those hear whose report moved, and they wherever it is now.
        theirs = Report.id.in_(map(UUID, event.data["reports"])) if kind == "merge" else Report.case_id == case_id
        following = select(Report.account_id).where(theirs, Report.withdrawn_at.is_(None)).distinct()
        for account in work.session.scalars(following):
            if account is not None:
                _write(work, case, f"{case_id}/{seq}/a{account}", kind, _TO_REPORTER[kind], words, account_id=account)


def tell_follow_up_overdue(work: Work, follow_up: FollowUp) -> None:
    """Tell the inspector and the office of a look-back that was not carried out in time."""
    case = work.session.get_one(Case, follow_up.case_id)
    words = {"number": case.number, "category": work.county.category_by_code[case.category].name, **_dates(follow_up)}
    for person in {follow_up.inspector_id, *holders(work, work.county.office, frozenset({"office"}))} - {None}:
        key = f"follow-up/{follow_up.id}/overdue/p{person}"
        _write(work, case, key, "follow_up_overdue", _FOLLOW_UP_OVERDUE, words, person_id=person)


def _dates(follow_up: FollowUp) -> dict[str, str]:
    from_on = follow_up.from_on
    return {"from_on": f"{from_on.month}月{from_on.day}日", "due": moment_words(follow_up.due_at)}


def _tell_of_supplement(work: Work, case: Case, event: CaseEvent, words: dict[str, str]) -> None:
    """Those who may read it: the unit, or the office that has to release it first."""
    if event.data["released"] and case.lead_unit is not None:
        template, people = _TO_UNIT["forward"], handlers.recipients(work, case, case.lead_unit)
    else:
        template, people = _UNRELEASED, holders(work, work.county.office, frozenset({"office"}))
    for person in people:
        key = f"{case.id}/{event.seq}/p{person}"
        _write(work, case, key, event.action, template, words, person_id=person)


def holders(work: Work, unit: str, roles: frozenset[str]) -> list[UUID]:
    """The persons who hold one of these roles in the unit now, and the deputies of handlers and heads who are away."""
    found = select(RosterRole.person_id).where(
        RosterRole.unit_code == unit, RosterRole.role.in_(roles), RosterRole.ended_at.is_(None)
    )
    people = list(work.session.scalars(found.distinct().order_by(RosterRole.person_id)))
    return deputies.with_deputies(work, people, unit) if roles <= UNIT_ROLES else people


def _write(
    work: Work, case: Case, key: str, kind: str, template: tuple[str, str], words: dict[str, str],
    person_id: UUID | None = None, account_id: UUID | None = None,
) -> None:  # fmt: skip
    title, body = template
    sms = kind in (CALLS_FOR_ACTION if case.urgent else NEWLY_ASSIGNED)
    _put(work, case, key, kind, title, body.format(**words), sms, person_id, account_id)


def send(work: Work, case: Case, key: str, kind: str, title: str, body: str, people: Iterable[UUID], sms: bool) -> None:
    """Tell these persons what stands in no event of theirs alone. `key` names the occasion, which is told once.

    `sms`: it cannot wait. No words of people enter `title` and `body`.
    """
    for person in people:
        _put(work, case, f"{key}/p{person}", kind, title, body, sms, person, None)


def _put(
    work: Work, case: Case, key: str, kind: str, title: str, body: str, sms: bool,
    person_id: UUID | None, account_id: UUID | None,
) -> None:  # fmt: skip
    row = {
        "id": uuid7(), "key": key, "person_id": person_id, "account_id": account_id, "case_id": case.id, "kind": kind,
        "title": title, "body": body, "urgent": case.urgent, "created_at": work.now,
    }  # fmt: skip
    written = work.session.execute(insert(Notice).values(row).on_conflict_do_nothing().returning(Notice.id)).scalar()
    if written is None:
        return
    accounts = [account_id] if account_id else list(_accounts(work, person_id))
    for account in accounts:
        _queue(work, written, "wechat", account)
    if person_id is not None and sms:
        _queue(work, written, "sms", None)


def to_person(
    work: Work, key: str, person_id: UUID, kind: str, title: str, body: str, patrol_id: UUID | None = None
) -> None:
    """A notice that is not about a case, to one person on the roster. `key` keeps it from being written twice."""
    row = {
        "id": uuid7(), "key": key, "person_id": person_id, "patrol_id": patrol_id, "kind": kind, "title": title,
        "body": body, "urgent": False, "created_at": work.now,
    }  # fmt: skip
    written = work.session.execute(insert(Notice).values(row).on_conflict_do_nothing().returning(Notice.id)).scalar()
    if written is not None:
        for account in _accounts(work, person_id):
            _queue(work, written, "wechat", account)


def to_office(work: Work, key: str, kind: str, title: str, body: str, patrol_id: UUID | None = None) -> None:
    """A notice that is not about a case, to everybody in the county office."""
    for person_id in holders(work, work.county.office, frozenset({"office"})):
        to_person(work, f"{key}/p{person_id}", person_id, kind, title, body, patrol_id)


def _accounts(work: Work, person_id: UUID | None) -> list[UUID]:
    return list(work.session.scalars(select(Account.id).where(Account.person_id == person_id)))


def _queue(work: Work, notice_id: UUID, channel: str, account_id: UUID | None) -> None:
    delivery = Delivery(notice_id=notice_id, channel=channel, account_id=account_id, created_at=work.now)
    work.session.add(delivery)
    work.session.flush()
    work.defer("deliver", delivery.id)


def deliver(work: Work, delivery_id: UUID, channels: Any, templates: dict[str, str]) -> None:
    """Try one channel once. A permanent refusal is recorded; anything else raises, and is tried again later."""
    delivery = work.session.get(Delivery, delivery_id, with_for_update=True)
    if delivery is None or delivery.state != "waiting":
        return
    notice = work.session.get_one(Notice, delivery.notice_id)
    try:
        if delivery.channel == "sms":
            delivery.state, delivery.reason = _send_sms(work, notice, delivery, channels)
        else:
            delivery.state, delivery.reason = _send_wechat(work, notice, delivery, channels, templates)
    except channels.refusals as refused:
        if not refused.permanent:
            raise
        delivery.state, delivery.reason = "refused", str(refused)
        if getattr(refused, "no_consent", False):
            _forget_consents(work, delivery, templates, notice.kind)
    delivery.ended_at = work.now


def _send_sms(work: Work, notice: Notice, delivery: Delivery, channels: Any) -> tuple[str, str | None]:
    if not channels.sms.enabled:
        return "skipped", "未配置短信通道"
    person = work.session.get_one(Person, notice.person_id)
    channels.sms.send(work.vault.open(person.phone_sealed), f"【清河】{notice.title}：{notice.body}", str(delivery.id))
    return "sent", None


def _send_wechat(
    work: Work, notice: Notice, delivery: Delivery, channels: Any, templates: dict[str, str]
) -> tuple[str, str | None]:
    template = _template(templates, notice.kind)
    if template is None:
        return "skipped", "未配置订阅消息模板"
    consent = work.session.get(Consent, (delivery.account_id, template), with_for_update=True)
    if consent is None or consent.remaining < 1:
        return "skipped", "对方没有同意接收订阅消息"
    account = work.session.get_one(Account, delivery.account_id)
    data = {"thing1": {"value": notice.title[:20]}, "thing2": {"value": notice.body[:20]}}
    page = notice_pages.page_of(work, notice) or notice_pages.HOME
    channels.wechat.send_subscribe(work.vault.open(account.openid_sealed), template, page, data)
    consent.remaining -= 1  # only now: a message that was not sent uses up nothing
    return "sent", None


def _template(templates: dict[str, str], kind: str) -> str | None:
    return templates.get(kind) or templates.get("default")


def _forget_consents(work: Work, delivery: Delivery, templates: dict[str, str], kind: str) -> None:
    """WeChat knows better than our count: this user allows no more messages of the template until asked again."""
    consent = work.session.get(Consent, (delivery.account_id, _template(templates, kind)), with_for_update=True)
    if consent is not None:
        consent.remaining = 0


def consented(work: Work, account_id: UUID, answers: dict[str, str], known: Collection[str]) -> None:
    """Count what WeChat's consent sheet answered: each 'accept' allows one message of that template.

    Templates that are not `known` are nobody's, and not counted.
    """
    for template_id, answer in answers.items():
        if not answer.startswith("accept") or template_id not in known:
            continue
        statement = insert(Consent).values(account_id=account_id, template_id=template_id, remaining=1)
        counted = statement.on_conflict_do_update(
            index_elements=["account_id", "template_id"], set_={"remaining": Consent.remaining + 1}
        )
        work.session.execute(counted)


def inbox(work: Work, before: UUID | None, limit: int) -> list[Notice]:
    query = select(Notice).where(_addressed(work))
    if before is not None:
        query = query.where(Notice.id < before)
    return list(work.session.scalars(query.order_by(Notice.id.desc()).limit(limit)))


def read(work: Work, notice_id: UUID) -> None:
    done = work.session.execute(
        update(Notice)
        .where(Notice.id == notice_id, _addressed(work))
        .values(read_at=func.coalesce(Notice.read_at, work.now))
        .returning(Notice.id)
    ).scalar()
    if done is None:
        raise NotFound("找不到这条消息。")


def _addressed(work: Work) -> Any:
    mine = Notice.account_id == work.actor.account_id
    return mine | (Notice.person_id == work.actor.person_id) if work.actor.person_id else mine
