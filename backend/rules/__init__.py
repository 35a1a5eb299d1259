"""The county's rules with numbers, one noun a module and a file: `backend/rules/<noun>.py` ↔ `<noun>.toml`.

A noun is a field of `Rules`, of a frozen model whose fields all have defaults: a county without the file, or one that
was stored before the noun existed, has the defaults. The field's name is the file's. A model that names units,
categories or reaches of the county may have a method `faults(county)`, which yields (key, reason in Chinese) for each
that is wrong; the reader adds file and line. Lists are tuples, so that the stored document has one order.
"""

from __future__ import annotations

from backend.rules.assessment import AssessmentRules
from backend.rules.base import Frozen
from backend.rules.closure import ClosureRules
from backend.rules.delegations import DelegationRules
from backend.rules.duty import DutyRules
from backend.rules.emergency import EmergencyRules
from backend.rules.imports import ImportRules
from backend.rules.patrol import PatrolRules
from backend.rules.publication import PublicationRules
from backend.rules.report_surges import SurgeRules
from backend.rules.retention import RetentionRules
from backend.rules.risk_sources import RiskSourceRules
from backend.rules.sources import SourceRules
from backend.rules.supervision import SupervisionRules
from backend.rules.track import TrackRules


class Rules(Frozen):
    """All rules of the county besides the limits in county.toml."""

    assessment: AssessmentRules = AssessmentRules()
    closure: ClosureRules = ClosureRules()
    delegations: DelegationRules = DelegationRules()
    duty: DutyRules = DutyRules()
    emergency: EmergencyRules = EmergencyRules()
    imports: ImportRules = ImportRules()
    patrol: PatrolRules = PatrolRules()
    publication: PublicationRules = PublicationRules()
    report_surges: SurgeRules = SurgeRules()
    retention: RetentionRules = RetentionRules()
    risk_sources: RiskSourceRules = RiskSourceRules()
    sources: SourceRules = SourceRules()
    supervision: SupervisionRules = SupervisionRules()
    track: TrackRules = TrackRules()
