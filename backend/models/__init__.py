"""The tables. Importing this package registers every model."""

from backend.models.assessments import Assessment, AssessmentScore
from backend.models.cases import Assignment, Case, CaseEvent, Clock, DuplicateProposal, PersonalText
from backend.models.checkpoints import CheckpointVisit
from backend.models.delegations import Delegation
from backend.models.desk import DeskEntry, DeskPassword, DeskScan, DeskSession, DeskView
from backend.models.drafts import Draft
from backend.models.duty_reminders import DutyReminder
from backend.models.emergency import Dispatch, Emergency
from backend.models.evidence import EvidenceFlag
from backend.models.exports import Export
from backend.models.extensions import Extension
from backend.models.findings import Finding
from backend.models.follow_ups import FollowUp, FollowUpDraw
from backend.models.handovers import Handover
from backend.models.identity import IdentityLook
from backend.models.imports import ImportBatch, ImportRow
from backend.models.intake_plans import IntakePlan, Measure
from backend.models.ledger import CaseTally, CaseWords, LedgerUse, ReachName
from backend.models.notices import Consent, Delivery, Notice
from backend.models.orders import AnswerFile, HotlineOrder, OrderAnswer
from backend.models.patrols import Patrol, PatrolCompanion, PatrolEvent, PatrolGrant, TrackBatch
from backend.models.people import Account, BindingCode, Person, RosterRole, SignIn
from backend.models.photos import Photo
from backend.models.places import CountyVersion, Unit
from backend.models.publications import Publication
from backend.models.reminders import Reminder
from backend.models.report_surges import ReportSurge
from backend.models.reports import Report, Supplement
from backend.models.risk_sources import Inspection, RiskSourceAlert, RiskSourceEvent, RiskSourceVersion
from backend.models.roots import LedgerHead, LedgerRoot
from backend.models.supervision import Supervision, SupervisionReply
from backend.models.targets import Target, TargetValue
from backend.models.verdicts import PatrolAppeal, Verdict
from backend.models.work import Deferred, IdempotencyKey

__all__ = [
    "Account",
    "AnswerFile",
    "Assessment",
    "AssessmentScore",
    "Assignment",
    "BindingCode",
    "Case",
    "CaseEvent",
    "CaseTally",
    "CaseWords",
    "CheckpointVisit",
    "Clock",
    "Consent",
    "CountyVersion",
    "Deferred",
    "Delegation",
    "Delivery",
    "DeskEntry",
    "DeskPassword",
    "DeskScan",
    "DeskSession",
    "DeskView",
    "Dispatch",
    "Draft",
    "DuplicateProposal",
    "DutyReminder",
    "Emergency",
    "EvidenceFlag",
    "Export",
    "Extension",
    "Finding",
    "FollowUp",
    "FollowUpDraw",
    "Handover",
    "HotlineOrder",
    "IdempotencyKey",
    "IdentityLook",
    "ImportBatch",
    "ImportRow",
    "Inspection",
    "IntakePlan",
    "LedgerHead",
    "LedgerRoot",
    "LedgerUse",
    "Measure",
    "Notice",
    "OrderAnswer",
    "Patrol",
    "PatrolAppeal",
    "PatrolCompanion",
    "PatrolEvent",
    "PatrolGrant",
    "Person",
    "PersonalText",
    "Photo",
    "Publication",
    "ReachName",
    "Reminder",
    "Report",
    "ReportSurge",
    "RiskSourceAlert",
    "RiskSourceEvent",
    "RiskSourceVersion",
    "RosterRole",
    "SignIn",
    "Supervision",
    "SupervisionReply",
    "Supplement",
    "Target",
    "TargetValue",
    "TrackBatch",
    "Unit",
    "Verdict",
]
