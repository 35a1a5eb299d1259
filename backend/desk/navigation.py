"""What stands in the desk's navigation, for whom. A page that is to be found there gets one line here."""

from __future__ import annotations

from dataclasses import dataclass

from backend.domain.actors import Actor


@dataclass(frozen=True)
class Item:
    """`roles`: who sees it; empty for everybody who is let in. `icon` is one of lucide's, named in assets/build.mjs.
    `within`: modules whose pages are all found under this item."""

    endpoint: str
    title: str
    icon: str
    roles: frozenset[str] = frozenset()
    within: frozenset[str] = frozenset()

    def covers(self, here: str | None) -> bool:
        """Whether the page of this endpoint is the item's own, or found under it."""
        return here == self.endpoint or (here or "").split(".")[1:2] in [[name] for name in self.within]


COUNTY = frozenset({"office", "county_chief", "inspector"})
OFFICE = frozenset({"office"})
SETUP = frozenset({"boards", "calendars", "imports", "roster", "rules"})

GROUPS: tuple[tuple[str, tuple[Item, ...]], ...] = (
    ("总览", (
        Item("desk.home.show", "工作台", "layout-dashboard"),
        Item("desk.situation.show", "一张图", "map"),
        Item("desk.targets.show", "目标", "target", within=frozenset({"targets"})),
    )),
    ("案件", (
        Item("desk.ledger.listing", "台账", "table-properties", within=frozenset({"cases"})),
        Item("desk.triage.show", "分办", "inbox", OFFICE),
        Item("desk.queues.letters", "督办", "gavel"),
        Item("desk.queues.look_backs", "回头看", "rotate-ccw", COUNTY),
        Item("desk.queues.asked_extensions", "延期", "calendar-plus"),
        Item("desk.queues.patrol_appeals", "巡河申诉", "message-square-warning"),
        Item("desk.ledger.exported", "导出的文件", "download"),
    )),
    ("巡河与考核", (
        Item("desk.patrols.matrix", "巡河监督", "footprints", within=frozenset({"patrols"})),
        Item("desk.assessment.show", "考核", "chart-column", within=frozenset({"assessment"})),
    )),
    ("管理", (
        Item("desk.setup.show", "设置", "settings", OFFICE, SETUP),
        Item("desk.account.entries", "登录记录", "key-round", OFFICE),
    )),
)  # fmt: skip


def for_actor(actor: Actor) -> list[tuple[str, list[Item]]]:
    """The groups that this actor sees, without those that would be empty."""
    seen = ((title, [item for item in items if not item.roles or actor.role in item.roles]) for title, items in GROUPS)
    return [(title, items) for title, items in seen if items]
