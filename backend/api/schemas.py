"""Shapes of input and output. Every input refuses fields that it does not know."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

# A day or moment that can be kept and reckoned with; form fields are called date as well.
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2100, 1, 1))]
Moment = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2100, 1, 1, tzinfo=UTC))]
CoordTypeName = Literal["wgs84", "gcj02"]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000, pattern=r"^[^\x00]*$")]
Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00]*$")]
Code = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[\w\-]+$")]


class Input(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SignInForm(Input):
    code: Code = Field(description="from wx.login")


class PhoneForm(Input):
    code: Code = Field(description="from the phone-number button")


class BindingForm(Input):
    code: Annotated[str, StringConstraints(min_length=4, max_length=16, pattern=r"^[0-9]+$")]


class RoleForm(Input):
    role_id: UUID


class RoleOut(BaseModel):
    id: UUID
    role: str
    title: str
    unit: str
    unit_name: str


class SessionOut(BaseModel):
    token: str | None = None
    expires_at: datetime
    role: str
    role_title: str
    unit: str | None
    unit_name: str | None
    name: str
    role_id: UUID | None
    roles: list[RoleOut]


class PhotoRefForm(Input):
    id: UUID
    claim: Code


class UploadRequest(Input):
    content_type: Literal["image/jpeg", "image/png", "image/webp"] = "image/jpeg"
    claimed_at: Moment | None = None
    claimed_lon: float | None = Field(default=None, description="degrees")
    claimed_lat: float | None = Field(default=None, description="degrees")
    coord_type: CoordTypeName | None = None


class UploadOut(BaseModel):
    id: UUID
    claim: str
    url: str
    fields: dict[str, str]
    max_bytes: int
    expires_at: datetime


class ClaimForm(Input):
    claim: Code


class PhotoOut(BaseModel):
    id: UUID
    state: str
    refusal: str | None = None
    title: str | None = None
    purpose: str = "report"
    url: str | None = None
    thumbnail_url: str | None = None
    taken_at: datetime | None = None


class PlaceForm(Input):
    lon: float = Field(description="degrees")
    lat: float = Field(description="degrees")
    coord_type: CoordTypeName = Field(description="wgs84 (GPS) or gcj02 (maps); must be named")
    accuracy_m: float | None = Field(default=None, ge=0, le=100_000, allow_inf_nan=False)
    address: Short = ""


class ReportInput(Input):
    category: Code
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
    place: PlaceForm
    privacy: Literal["named", "confidential", "anonymous"]
    photos: list[PhotoRefForm] = Field(default_factory=list, max_length=50)
    observed_at: AwareDatetime | None = None
    contact_name: Short = ""
    contact_phone: Annotated[str, StringConstraints(pattern=r"^$|^1[3-9][0-9]{9}$")] = ""
    accuses_officials: bool = False


class StepOut(BaseModel):
    at: datetime
    action: str
    words: str


class SupplementOut(BaseModel):
    text: str
    created_at: datetime
    photos: list[PhotoOut]


class ReportOut(BaseModel):
    id: UUID
    number: str
    category: str
    category_name: str
    text: str
    lon: float
    lat: float
    coord_type: Literal["wgs84"] = "wgs84"
    address: str
    privacy: str
    observed_at: datetime
    submitted_at: datetime
    state: str
    state_title: str
    unit_name: str | None
    reason: str | None
    photos: list[PhotoOut]
    supplements: list[SupplementOut]
    standing: str = Field(description="where the case stands now, in plain words")
    steps: list[StepOut]
    rating: int | None
    withdrawn_at: datetime | None
    disputed_at: datetime | None = Field(description="the last time")
    appealed_at: datetime | None
    allowed_actions: list[str]
    receipt_code: str | None = Field(default=None, description="told once, in the answer to the submission")


class ReportsOut(BaseModel):
    items: list[ReportOut]
    next: UUID | None


class SupplementForm(Input):
    text: Words
    photos: list[PhotoRefForm] = Field(default_factory=list, max_length=20)


class RatingForm(Input):
    stars: int = Field(ge=1, le=5)
    text: Short = ""


class ReporterActionForm(Input):
    reason: Words


class WithdrawalForm(Input):
    reason: Words | None = None


class PageQuery(Input):
    before: UUID | None = None
    limit: int = Field(default=20, ge=1, le=100)


class ClockOut(BaseModel):
    kind: str
    holder: str
    due_at: datetime
    overdue: bool
    provisional: bool = Field(description="a year on the way has no published calendar yet")
    set_by: str | None = Field(description="ruling, extension, source, or None: by the rules")


class HolderOut(BaseModel):
    holder: str
    holder_name: str
    kind: str
    kind_title: str
    used_days: int
    used_hours: float | None
    overdue: bool
    overdue_days: int
    overdue_hours: float | None
    charged: bool = Field(description="whether the delay is this unit's own: it used more than the rules give it")
    running: bool
    due_at: datetime


class AllowedOut(BaseModel):
    action: str
    title: str
    needs: list[str]


class CaseRow(BaseModel):
    id: UUID
    number: str
    version: int
    state: str
    state_title: str
    category: str
    category_name: str
    urgent: bool
    severity: str
    severity_name: str
    lead_unit: str | None
    lead_unit_name: str | None
    source: str
    source_name: str
    source_number: str | None
    reach: str | None
    reach_name: str | None
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    clocks: list[ClockOut]


class CaseSupplementOut(SupplementOut):
    id: UUID
    released: bool = Field(description="units may read it; told to the office, which sees the others too")


class CaseReportOut(BaseModel):
    id: UUID
    text: str
    forwarded: bool
    privacy: str
    address: str
    observed_at: datetime
    submitted_at: datetime
    contact: dict[str, str] | None
    supplements: list[CaseSupplementOut]
    photos: list[PhotoOut]
    rating: int | None
    why_look: list[str] = Field(description="to the office: why a person must look before anything is published")
    withdrawn_at: datetime | None
    disputed_at: datetime | None
    appealed_at: datetime | None


class HandlerOut(BaseModel):
    id: UUID
    name: str
    deputy_name: str | None = Field(description="who stands in for them today")


class AssignmentOut(BaseModel):
    unit: str
    unit_name: str
    part: Literal["lead", "assist"]
    opened_at: datetime
    accepted_at: datetime | None
    acknowledged_at: datetime | None = Field(description="None while an assisting unit has not acknowledged")
    handler: HandlerOut | None
    rejection: Literal["proposed", "declined"] | None = Field(description="whether the lead unit suggests 不予受理")


class SuggestedOut(BaseModel):
    unit: str
    assisting: list[str]


class ReminderOut(BaseModel):
    """A reminder 催办 of one rung of the line, by the timer or by hand."""

    id: UUID
    case_id: UUID
    number: str
    clock: str | None = Field(description="None when somebody reminded by hand")
    clock_title: str | None
    due_at: datetime | None
    step: str
    by_title: str
    to_unit: str
    to_unit_name: str
    to_role: str
    to_role_title: str
    words: str | None
    sent_at: datetime | None
    skipped_at: datetime | None = Field(description="passed over for a higher step that was due as well")
    reply: str | None
    replied_at: datetime | None
    allowed: list[Literal["reply"]]


class SupervisionRow(BaseModel):
    """A letter of supervision 督办函 as lists show it."""

    id: UUID
    number: str
    case_id: UUID
    case_number: str
    unit: str
    unit_name: str
    why: str
    why_title: str
    stage: str
    stage_title: str
    by_title: str
    opened_at: datetime
    reply_by: datetime
    overdue: bool
    escalated_at: datetime | None
    ended_at: datetime | None
    ended_how: Literal["case", "unit", "office"] | None
    allowed: list[Literal["reply", "accept", "send_back", "end"]]


class CalledOut(BaseModel):
    unit: str
    unit_name: str
    duty: str
    phone: str
    called_at: datetime
    due_at: datetime
    acknowledged_at: datetime | None
    taking_part: bool = Field(description="it holds a part of the case now")
    overdue: bool


class EmergencyOut(BaseModel):
    """The emergency linkage 应急联动 that runs on a case, or the last one that did."""

    id: UUID
    plan: str | None
    plan_name: str
    by_title: str
    declared_at: datetime
    stood_down_at: datetime | None
    stood_down_how: Literal["office", "case"] | None
    units: list[CalledOut]


class RiverAtOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    lines: list[list[tuple[float, float]]] = Field(description="of the reach, WGS-84, downstream")
    words: str = Field(description="the bank, how far from the line, whose each bank is")


class CaseOut(CaseRow):
    lon: float
    lat: float
    coord_type: Literal["wgs84"] = "wgs84"
    place_from: str
    risk_source: str | None
    risk_source_name: str | None
    recurrences: int
    routing_reason: str | None
    river: RiverAtOut | None
    assisting: list[str]
    assignments: list[AssignmentOut] = Field(description="open ones, the lead unit's first")
    suggested: SuggestedOut | None = Field(description="to the office in triage: where routing would have sent it")
    merged_into: UUID | None
    first_rectify_by: datetime | None
    rule_rectify_by: datetime | None = Field(description="what the rules alone gave at first")
    ordered_by: datetime | None = Field(description="what the source ordered; the earlier of both rules the rectifying")
    holders: list[HolderOut]
    reports: list[CaseReportOut]
    evidence: list[PhotoOut]
    reminders: list[ReminderOut]
    supervisions: list[SupervisionRow]
    emergency: EmergencyOut | None
    allowed_actions: list[AllowedOut]


class CasesOut(BaseModel):
    items: list[CaseRow]
    next: str | None


class EventOut(BaseModel):
    seq: int
    action: str
    title: str
    from_state: str | None
    to_state: str
    at: datetime
    role: str
    unit: str | None
    by: str | None = Field(description="the official's name; reporters are not named")
    for_person: str | None = Field(description="for whom a deputy B角 acted")
    text: str | None
    data: dict[str, Any]
    hash: str


class EventsOut(BaseModel):
    items: list[EventOut]


class ActionForm(Input):
    """Everything that an action of the table may need; which fields each one needs is told by allowed_actions."""

    reason: Words | None = None
    unit: Code | None = None
    assisting: list[Code] = Field(default_factory=list, max_length=20)
    severity: Code | None = None
    rectify_by: Moment | Day | None = Field(
        default=None,
        description="a moment, or a day that ends with it: set by a ruling, wished for or granted by an extension",
    )
    ordered_by: Moment | Day | None = Field(default=None, description="what the source of the case orders")
    forwarded_text: Words | None = None
    supplement: UUID | None = None
    handler: UUID | None = None
    target: UUID | None = None
    body: Short | None = None
    measure: Words | None = None
    person: Short | None = None
    date: Day | None = None
    done: Words | None = None
    note: Words | None = None
    demands: Words | None = None
    plan: Code | None = Field(default=None, description="an emergency plan; None: the one that fits")
    reply_days: int | None = Field(default=None, ge=1, le=60, description="working days for the reply to a letter")
    place: PlaceForm | None = Field(default=None, description="where the inspector stands")
    inspector: UUID | None = Field(default=None, description="a person on the roster")
    risk_source: Code | None = None
    photos: list[PhotoRefForm] = Field(default_factory=list, max_length=20)
    photos_before: list[PhotoRefForm] = Field(default_factory=list, max_length=20)


class DuplicateOut(BaseModel):
    case_id: UUID
    number: str
    distance_m: float
    state: str


class DuplicatesOut(BaseModel):
    items: list[DuplicateOut]


class NoticeOut(BaseModel):
    id: UUID
    kind: str
    title: str
    body: str
    urgent: bool
    case_id: UUID | None
    patrol_id: UUID | None
    page: str | None = Field(description="of the mini program, with its query: where a tap leads")
    created_at: datetime
    read_at: datetime | None


class NoticesOut(BaseModel):
    items: list[NoticeOut]
    next: UUID | None


class ConsentForm(Input):
    answers: dict[Code, Literal["accept", "reject", "ban", "filter", "acceptWithAudio"]] = Field(max_length=10)


class PersonOut(BaseModel):
    id: UUID
    name: str
    phone: str
    roles: list[RoleOut]
    bound: bool


class PeopleOut(BaseModel):
    items: list[PersonOut]
    next: UUID | None


class ImportOut(BaseModel):
    rows: int
    added: int
    ended: int
    dry_run: bool


class BindingCodeOut(BaseModel):
    code: str
    expires_in_days: int
