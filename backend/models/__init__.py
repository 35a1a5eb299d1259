"""The tables. Importing this package registers every model."""

from backend.models.cases import Assignment, Case, CaseEvent, Clock, DuplicateProposal, PersonalText
from backend.models.notices import Consent, Delivery, Notice
from backend.models.people import Account, BindingCode, Person, RosterRole, SignIn
from backend.models.photos import Photo
from backend.models.places import CountyVersion, Unit
from backend.models.reports import Report, Supplement
from backend.models.work import Deferred, IdempotencyKey

__all__ = [
    "Account", "Assignment", "BindingCode", "Case", "CaseEvent", "Clock", "Consent", "CountyVersion", "Deferred",
    "Delivery", "DuplicateProposal", "IdempotencyKey", "Notice", "Person", "PersonalText", "Photo", "Report",
    "RosterRole", "SignIn", "Supplement", "Unit",
]  # fmt: skip
