"""The actions on a case as forms: which fields each one shows, what there is to choose from, and what was sent.

Which actions there are is told by `allowed_actions`; here is only how they are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import select

from backend.api.schemas import ActionForm
from backend.desk import forms, uploads
from backend.domain import cases, deputies, ledger, people
from backend.domain.actors import ROLE_NAMES
from backend.domain.faults import Fault
from backend.models import Assignment, Case, Person, Report, RosterRole
from backend.work import Work

# Besides what an action needs.
OPTIONAL: dict[str, tuple[str, ...]] = {
    "assign": ("assisting", "severity", "forwarded_text"),
    "reassign": ("assisting", "forwarded_text"),
    "rule": ("assisting", "rectify_by", "forwarded_text"),
    "request_closure": (),
    "close": ("reason",),
    "supervise": ("reply_days",),
    "declare_emergency": ("plan",),
    "grant_extension": ("rectify_by",),
    "note": ("photos",),
    "forward": ("forwarded_text",),
    "plan_follow_up": ("inspector",),
    "decline_rejection": (),
}
# The field of a photo says what it shows; the phone alone knows where its holder stands.
ONLY_ON_THE_PHONE = frozenset({"place"})
# Shown as buttons of their own; everything else stands under 更多.
FIRST = ("assign", "rule", "accept", "start", "request_closure", "close", "send_back", "claim", "respond",
         "acknowledge", "grant_extension", "refuse_extension")  # fmt: skip
FINAL = frozenset({"reject", "transfer", "merge", "stand_down"})
LABELS = {
    "unit": "主办单位", "reason": "理由", "target": "并入的案件编号", "body": "接收单位", "measure": "整改措施",
    "person": "责任人", "date": "完成日期", "severity": "严重程度", "photos": "现场照片", "photos_before": "处理前照片",
    "done": "整改情况", "assisting": "协办单位", "note": "情况说明", "inspector": "谁去回头看", "risk_source": "风险源",
    "handler": "经办人", "supplement": "哪一条补充", "demands": "督办要求", "ordered_by": "来源要求的期限",
    "rectify_by": "整改期限", "forwarded_text": "转办内容（单位看到的文字）", "reply_days": "几个工作日内答复",
    "plan": "应急预案",
}  # fmt: skip
_KINDS = {
    "unit": "choice", "severity": "choice", "risk_source": "choice", "inspector": "choice", "handler": "choice",
    "supplement": "choice", "plan": "choice", "assisting": "choices", "photos": "files", "photos_before": "files",
    "date": "date", "rectify_by": "date", "ordered_by": "date", "reply_days": "number", "target": "text",
    "body": "text", "person": "text",
}  # fmt: skip


@dataclass
class Field:
    name: str
    label: str
    kind: str
    required: bool
    choices: list[tuple[str, str]] = field(default_factory=list)
    value: str = ""


@dataclass
class Form:
    """One action as it is drawn. `here`: it can be taken at the desk; `final`: it is not easily undone."""

    action: str
    title: str
    fields: list[Field]
    here: bool
    first: bool
    final: bool


def of_case(work: Work, case: Case, allowed: list[dict[str, Any]], report_text: str = "") -> list[Form]:
    """The forms of what may be done, the usual next steps first."""
    made = [_form(work, case, one, report_text) for one in allowed]
    return sorted(made, key=lambda form: FIRST.index(form.action) if form.first else len(FIRST))


def _form(work: Work, case: Case, allowed: dict[str, Any], report_text: str) -> Form:
    action, needs = allowed["action"], allowed["needs"]
    names = [*needs, *(name for name in OPTIONAL.get(action, ()) if name not in needs)]
    fields = [
        Field(
            name, LABELS.get(name, name), _KINDS.get(name, "words"), name in needs, _choices(work, case, action, name)
        )
        for name in names
    ]
    for one in fields:
        if one.name == "forwarded_text":
            one.value = report_text
        if one.name == "unit" and not _accuses(work, case):
            one.value = (cases.suggested(work, case) or {}).get("unit", "")
    return Form(action, allowed["title"], fields, not ONLY_ON_THE_PHONE.intersection(needs), action in FIRST,
                action in FINAL)  # fmt: skip


def _accuses(work: Work, case: Case) -> bool:
    """Whether some report is about officials: then no unit is proposed, least of all the one that may be meant."""
    return any(report.extra.get("accuses_officials") for report in case_reports(work, case))


def _choices(work: Work, case: Case, action: str, name: str) -> list[tuple[str, str]]:
    county = work.county
    if name in ("unit", "assisting"):
        held = set(case_units(work, case)) if action == "release_assisting" else None
        units = [unit for unit in county.units if unit.kind != "county_office"]
        return [(unit.code, unit.name) for unit in units if held is None or unit.code in held]
    if name == "severity":
        return [(one.code, one.name) for one in county.severities]
    if name == "risk_source":
        near = sorted(county.risk_sources, key=lambda one: one.reach != case.reach)
        return [(one.code, one.name) for one in near]
    if name == "plan":
        return [(plan.code, plan.name) for plan in county.rules.emergency.plans]
    if name == "handler" and work.actor.unit is not None:
        found = deputies.colleagues(work, work.actor.unit)
        return [(str(person), people.name(work, person)) for person in found]
    if name == "inspector":
        return _inspectors(work)
    if name == "supplement":
        reports = case_reports(work, case)
        waiting = [added for report in reports for added in report.supplements if added.released_at is None]
        return [(str(added.id), added.text[:40]) for added in waiting]
    return []


def case_units(work: Work, case: Case) -> list[str]:
    """The units that assist with the case now."""
    held = select(Assignment.unit_code).where(
        Assignment.case_id == case.id, Assignment.part == "assist", Assignment.ended_at.is_(None)
    )
    return list(work.session.scalars(held))


def case_reports(work: Work, case: Case) -> list[Report]:
    return list(work.session.scalars(select(Report).where(Report.case_id == case.id).order_by(Report.id)))


def _inspectors(work: Work) -> list[tuple[str, str]]:
    roles = ("inspector", "office", "county_chief")
    held = (
        select(Person, RosterRole.role)
        .join(RosterRole, RosterRole.person_id == Person.id)
        .where(RosterRole.role.in_(roles), RosterRole.ended_at.is_(None))
        .order_by(RosterRole.role.desc(), Person.name)
    )
    return [(str(person.id), f"{person.name}（{ROLE_NAMES[role]}）") for person, role in work.session.execute(held)]


def sent(work_target: UUID | None) -> ActionForm:
    """The action form of this request, photos uploaded. `work_target`: the case that the number in `target` names."""
    more: dict[str, Any] = {name: uploads.chosen(name) for name in ("photos", "photos_before")}
    if work_target is not None:
        more["target"] = str(work_target)
    return forms.read(ActionForm, **more)


def target_of(work: Work, number: str) -> UUID | None:
    """The case that a typed number means. Raises Fault when there is none, or it is not one alone."""
    if not number.strip():
        return None
    found, _ = ledger.page(work, ledger.Filter(number=number.strip()), None, 2)
    if len(found) != 1:
        raise Fault("unknown_target", "没有找到这个编号的案件，请写全编号，如 QH-2026-000123。", field="target")
    return found[0].id
