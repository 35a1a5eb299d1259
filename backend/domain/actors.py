"""Who acts: a resident, somebody with a role on the roster, the holder of a receipt, or the system itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

OFFICE_ROLES = frozenset({"office"})
UNIT_ROLES = frozenset({"head", "handler"})
CHIEF_ROLES = frozenset({"county_chief", "township_chief", "village_chief", "patroller"})
INSPECTOR_ROLES = frozenset({"inspector"})
# Who may verify and look back, as long as they stand outside the lead unit and its line.
OUTSIDE_ROLES = frozenset({"office", "county_chief", "inspector"})
# Chinese names as the roster file writes them.
ROLE_NAMES = {
    "office": "县河长办",
    "head": "单位负责人",
    "handler": "经办人",
    "county_chief": "县级河长",
    "township_chief": "乡级河长",
    "village_chief": "村级河长",
    "patroller": "巡河员",
    "inspector": "督查员",
}


@dataclass(frozen=True)
class HeldRole:
    """A role that is in force now."""

    role: str
    unit: str


@dataclass(frozen=True)
class StandIn:
    """Somebody of the actor's unit who is away, and an office of theirs; the actor is their deputy B角."""

    person_id: UUID
    role: str


@dataclass(frozen=True)
class Actor:
    """`role` and `unit` are those chosen for this session; `held` are all that the person has.

    `role` is also "resident", "receipt" (an anonymous reporter; `report_id` names the report), "routing" or "timer".
    """

    role: str
    unit: str | None = None
    account_id: UUID | None = None
    person_id: UUID | None = None
    report_id: UUID | None = None
    name: str = ""
    held: frozenset[HeldRole] = field(default_factory=frozenset)
    stands_in: frozenset[StandIn] = field(default_factory=frozenset)

    @property
    def label(self) -> str:
        """How events name the actor: an id, never a name."""
        if self.person_id is not None:
            return f"person:{self.person_id}"
        if self.role in ("resident", "receipt"):
            return "reporter"
        return self.role

    @property
    def heads(self) -> bool:
        """Whether the actor may do what the head of their unit may, as its head or in the head's stead."""
        return self.role == "head" or any(one.role == "head" for one in self.stands_in)

    @property
    def official(self) -> bool:
        return self.role in ROLE_NAMES


ROUTING = Actor(role="routing")
TIMER = Actor(role="timer")
ADMINISTRATOR = Actor(role="administrator")  # whoever types the commands of `qinghe` on the server
NOBODY = Actor(role="nobody")
