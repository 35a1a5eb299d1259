"""The storm: phones send while everything is killed, and afterwards what was acknowledged is looked for.

`python -m tests.faults.storm` is `make faults`; it writes its table into docs/reliability.md.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from random import Random
from typing import Any

import psycopg
import requests
from psycopg.rows import dict_row
from shapely.geometry import Point, shape

from backend import create_app
from backend.county import County
from backend.county_files import read_county
from backend.domain import objects
from backend.extensions import db
from backend.local import programs
from backend.local.folder import CHECKOUT, Folder
from backend.local.process import python
from backend.local.system import System
from backend.settings import Settings
from tests.build import OFFICE, ROSTER
from tests.faults.clocked import FILE_VARIABLE
from tests.faults.phones import PAUSE_S, Phone, World, handle, verify
from tests.faults.trouble import Troubles, set_clock, small_disk

DOC = CHECKOUT / "docs" / "reliability.md"
BEGIN, END = "<!-- make faults -->", "<!-- end of make faults -->"
WITHIN_S = 60.0
_SERVERS = ("postgres", "redis", "s3", "wechat", "web", "worker-1", "worker-2", "scheduler")
# What waits for WeChat comes back when WeChat says, not when we are well again.
_OF_WECHAT = ("check_words", "check_picture", "deliver")
_NO_LIMITS = {f"LIMIT_{name}": "" for name in (
    "SIGN_IN", "BINDING", "BINDING_ADDRESS", "UPLOAD", "SUPPLEMENT", "PUBLIC", "REPORT", "REPORT_ANONYMOUS", "RECEIPT",
)}  # fmt: skip


@dataclass(frozen=True)
class Size:
    reports: int
    kills: int
    patrols: int
    phones: int
    longest_s: float
    down_s: tuple[float, float]


SHORT = Size(reports=16, kills=7, patrols=3, phones=6, longest_s=120, down_s=(0.1, 0.5))
FULL = Size(reports=2000, kills=50, patrols=60, phones=8, longest_s=1600, down_s=(0.5, 6.0))


@dataclass
class Findings:
    """What was found afterwards: each line is a name, a figure, and whether that figure is a fault."""

    seed: int
    size: Size
    lines: list[tuple[str, str, bool]] = field(default_factory=list)

    def add(self, name: str, figure: object, good: bool = True) -> None:
        self.lines.append((name, str(figure), good))

    def faults(self) -> list[str]:
        return [f"{name}: {figure}" for name, figure, good in self.lines if not good]


# ---- a system that can be struck -------------------------------------------------------------------------------------


@contextlib.contextmanager
def system_under(folder: Path, clock: Path) -> Iterator[System]:
    """A whole system whose web server and workers read a clock that can be put wrong, and without limits per hour."""
    set_clock(clock, 0)
    environ = {**_NO_LIMITS, FILE_VARIABLE: str(clock)}
    with System.start(folder, web=False, workers=0, scheduler=False, environ=environ) as system:
        system.call(programs.DEMO_SETUP)
        env = system.settings_env
        web = programs.web(system.folder, env)
        gunicorn = python("-m", "gunicorn", "-c", "config/gunicorn.py", "tests.faults.clocked:app()")
        system.launch(dataclasses.replace(web, command=gunicorn))
        for n in (1, 2):
            worker = programs.worker(n, env)
            system.launch(dataclasses.replace(worker, command=python("-m", "tests.faults.clocked")))
        system.launch(programs.scheduler(env))
        system.watch()
        yield system
    Folder(folder).remove()


def places_in(county: County, n: int, chance: Random) -> list[tuple[float, float]]:
    """So many places within townships."""
    shapes = [shape(one.geometry) for one in county.townships]
    west, south = min(one.bounds[0] for one in shapes), min(one.bounds[1] for one in shapes)
    east, north = max(one.bounds[2] for one in shapes), max(one.bounds[3] for one in shapes)
    found: list[tuple[float, float]] = []
    while len(found) < n:
        lon, lat = round(chance.uniform(west, east), 6), round(chance.uniform(south, north), 6)
        if any(one.contains(Point(lon, lat)) for one in shapes):
            found.append((lon, lat))
    return found


# ---- the storm -------------------------------------------------------------------------------------------------------


class Storm:
    def __init__(
        self, system: System, clock: Path, size: Size, seed: int, disk: Path | None, tell: Callable[[str], None]
    ) -> None:
        self.system, self.size, self.seed, self.tell = system, size, seed, tell
        chance = Random(seed)
        county = read_county(programs.COUNTY)
        self.world = World(
            api=f"{system.url}/api/v1", stand_in=system.settings_env["WECHAT_BASE_URL"],
            places=places_in(county, size.reports, chance), county=county, until=time.monotonic() + size.longest_s,
        )  # fmt: skip
        self.troubles = Troubles(system, clock, Random(chance.random()), disk)
        self.errors: list[str] = []
        self.begun = time.monotonic()
        self._chance = chance

    def run(self) -> Findings:
        tasks: SimpleQueue[tuple[str, int]] = SimpleQueue()
        todo = [("report", n) for n in range(self.size.reports)] + [("patrol", n) for n in range(self.size.patrols)]
        self._chance.shuffle(todo)
        for one in todo:
            tasks.put(one)
        residents = [Phone(self.world, Random(self._chance.random())) for _ in range(self.size.phones)]
        for n, phone in enumerate(residents):
            if n % 2:
                phone.sign_in(f"storm-resident-{n}")
        chiefs = self._officials("村级河长")
        handlers, [office] = self._officials("经办人"), [Phone(self.world, Random(self._chance.random()))]
        office.sign_in(f"storm-{OFFICE}", OFFICE)
        over = threading.Event()
        threads = [threading.Thread(target=self._send, args=(p, chiefs, tasks)) for p in residents]
        officials = [
            threading.Thread(target=self._handle, args=(handlers, over)),
            threading.Thread(target=self._verify, args=(office, over)),
        ]
        for thread in (*threads, *officials):
            thread.start()
        self._strike()
        self.troubles.heal()
        healed = time.monotonic()
        for thread in threads:
            thread.join()
        over.set()
        for thread in officials:
            thread.join()
        return self._look(max(healed, time.monotonic()))

    def _officials(self, role: str) -> list[Phone]:
        found = []
        for row in [row for row in ROSTER if row[2] == role]:
            phone = Phone(self.world, Random(self._chance.random()))
            phone.sign_in(f"storm-{row[1]}", row[1])
            phone.of_unit = f"&unit={row[3]}&part=lead"
            found.append(phone)
            if len(found) == (self.size.patrols if role == "村级河长" else 12):
                break
        return found

    def _guarded(self, what: Callable[..., None], *arguments: Any) -> None:
        try:
            what(*arguments)
        except Exception as error:  # noqa: BLE001  # told with the findings: a phone that gives up is a fault
            self.errors.append(f"{type(error).__name__}: {error}"[:300])
            self.tell(f"a phone gave up: {self.errors[-1]}")

    def _send(self, phone: Phone, chiefs: list[Phone], tasks: SimpleQueue[tuple[str, int]]) -> None:
        while True:
            try:
                what, n = tasks.get_nowait()
            except Empty:
                return
            time.sleep(phone.chance.uniform(*PAUSE_S))
            if what == "report":
                self._guarded(phone.report, n)
            else:
                self._guarded(chiefs[n % len(chiefs)].patrol, n % len(chiefs), 1 + n // len(chiefs) * 2)

    def _handle(self, handlers: list[Phone], over: threading.Event) -> None:
        while not over.is_set():
            for phone in handlers:
                self._guarded(phone.work_on_cases, "assigned,accepted,rectifying", 3, handle)
                if over.wait(0.2):
                    return

    def _verify(self, office: Phone, over: threading.Event) -> None:
        while not over.wait(1):
            self._guarded(office.work_on_cases, "in_review", 5, verify)

    def _strike(self) -> None:
        """One trouble after the other, spread over the reports: each when its share of them was acknowledged."""
        planned = self.troubles.plan(self.size.kills)
        for n, what in enumerate(planned):
            share = self.size.reports * 0.95 * n / len(planned)
            while len(self.world.reports) < share and time.monotonic() < self.world.until and not self._all_sent():
                time.sleep(0.05)
            for_s = self._chance.uniform(*self.size.down_s)
            self.tell(
                f"{time.monotonic() - self.begun:6.0f} s  {len(self.world.reports):5} reports  {what} for {for_s:.1f} s"
            )
            self.troubles.strike(what, for_s)

    def _all_sent(self) -> bool:
        return len(self.world.reports) + len(self.errors) >= self.size.reports

    # -- afterwards

    def sql(self, statement: str, *values: object) -> list[dict[str, Any]]:
        url = self.system.settings_env["MIGRATE_DATABASE_URL"]
        with psycopg.connect(url, autocommit=True, row_factory=dict_row, connect_timeout=5) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def n(self, rest: str) -> int:
        """How many rows `select … rest` has."""
        return int(self.sql(f"select count(*) as n from (select 1 {rest}) as found")[0]["n"])

    def _look(self, since: float) -> Findings:
        found, world = Findings(self.seed, self.size), self.world
        struck = self.troubles.counts
        kills = sum(n for what, n in struck.items() if what.split(" ")[0] in _SERVERS)
        found.add("kill -9 and restart", kills)
        for what, n in sorted(struck.items()):
            found.add(f"· {what}", n)
        found.add("calls of phones, of them sent again", f"{world.calls}, {world.retried}")
        found.add("phones that were never answered", len(self.errors) or 0, not self.errors)
        for error in self.errors[:5]:
            found.add("· " + error, "", False)
        found.add("refused (somebody was faster, a photo was taken anew)", len(world.refused))
        for words in sorted({one for one in world.refused if "409" not in one and "photo" not in one})[:5]:
            found.add(f"· {words}", world.refused.count(words), False)
        self._after_healing(found, since)
        self._nothing_lost(found)
        self._nothing_twice(found)
        self._chain(found)
        self._objects(found)
        found.add("duration of the storm", f"{since - self.begun:.0f} s")
        return found

    def _after_healing(self, found: Findings, since: float) -> None:
        names = ",".join(f"'{name}'" for name in _OF_WECHAT)
        undone = "from deferred where done_at is null and gave_up_at is null"
        ours = f"{undone} and (run_at <= now() or attempts > 0) and name not in ({names})"
        routed_s = self._until(since, "from cases where state = 'submitted'")
        found.add("every case routed, after the last mending", _in_s(routed_s), routed_s is not None)
        done_s = self._until(since, ours, f"{undone} and run_at <= now()")
        found.add("every deferred job done, after the last mending", _in_s(done_s), done_s is not None)
        for row in self.sql(f"select name, attempts, last_error {ours} limit 8"):
            found.add(f"· {row['name']}", f"{row['attempts']} × {str(row['last_error'])[:120]}", False)
        given_up = self.n("from deferred where gave_up_at is not null")
        found.add("deferred jobs given up", given_up, given_up == 0)
        [waiting] = self.sql(f"select count(*) as n, max(run_at) as until {undone} and attempts > 0")
        found.add("of WeChat's, waiting until WeChat allows it", waiting["n"])
        if waiting["n"]:
            self._move_clock_past(waiting["until"])
            left_s = self._until(time.monotonic(), f"{undone} and attempts > 0")
            found.add("· done after that moment", _in_s(left_s), left_s is not None)

    def _move_clock_past(self, moment: datetime) -> None:
        set_clock(self.troubles.clock, max(0.0, (moment - datetime.now(UTC)).total_seconds()) + 2)

    def _until(self, since: float, *nothing: str) -> float | None:
        while any(self.n(one) for one in nothing):
            if time.monotonic() > since + WITHIN_S:
                return None
            time.sleep(0.2)
        return time.monotonic() - since

    def _nothing_lost(self, found: Findings) -> None:
        world = self.world
        kept = {str(row["id"]): row for row in self.sql("select id, text, case_id from reports")}
        lost = [one for one in world.reports if one not in kept or kept[one]["text"] != world.reports[one]]
        found.add("reports acknowledged, of them lost", f"{len(world.reports)}, {len(lost)}", not lost)
        dead = [one for one in list(world.receipts)[::20] if not self._receipt_opens(one)]
        found.add("receipt codes tried, of them dead", f"{len(list(world.receipts)[::20])}, {len(dead)}", not dead)
        events = {(str(row["case_id"]), row["action"]) for row in self.sql("select case_id, action from case_events")}
        missing = [one for one in world.actions if one not in events]
        found.add("actions on cases acknowledged, of them lost", f"{len(world.actions)}, {len(missing)}", not missing)
        lost_patrols = [one for one in world.patrols if not self._patrol_whole(one)]
        found.add(
            "patrols acknowledged, of them not whole or not judged", f"{len(world.patrols)}, {len(lost_patrols)}",
            not lost_patrols,
        )  # fmt: skip

    def _receipt_opens(self, report: str) -> bool:
        code = self.world.receipts[report]
        answer = requests.get(f"{self.world.api}/receipt", headers={"Receipt-Code": code or ""}, timeout=30)
        return answer.status_code == 200 and answer.json()["id"] == report

    def _patrol_whole(self, patrol: str) -> bool:
        rows = self.sql("select valid from patrols where id = %s and ended_at is not null", patrol)
        held = {str(row["id"]) for row in self.sql("select id from track_batches where patrol_id = %s", patrol)}
        return len(rows) == 1 and rows[0]["valid"] is not None and held == set(self.world.patrols[patrol])

    def _nothing_twice(self, found: Findings) -> None:
        reports = self.n("from reports group by text having count(*) > 1")
        found.add("reports twice", reports, reports == 0)
        cases = self.n("from reports where case_id is null") + abs(self.n("from cases") - self.n("from reports"))
        found.add("reports with no case or several", cases, cases == 0)
        actions = self.n(
            "from case_events where action in ('submit', 'assign', 'accept', 'start') "
            "group by case_id, action having count(*) > 1"
        )
        found.add("events twice", actions, actions == 0)
        notices = self.n(
            "from notices where case_id is not null group by case_id, kind, person_id, account_id, body "
            "having count(*) > 1"
        )
        total = self.n("from notices")
        found.add("notices, of them twice", f"{total}, {notices}", notices == 0)
        sms = requests.get(f"{self.world.stand_in}/_stand-in/sms", timeout=30).json()
        repeated = len(sms) - len({(one["phone"], one["text"]) for one in sms})
        found.add("SMS sent, of them twice", f"{len(sms)}, {repeated}", repeated == 0)
        found.add("repetitions answered differently", len(self.world.differing), not self.world.differing)
        for words in self.world.differing[:5]:
            found.add(f"· {words}", "", False)

    def _chain(self, found: Findings) -> None:
        self.system.call(("-m", "backend.cli", "ledger", "root"))
        said = self.system.call(("-m", "backend.cli", "ledger", "verify"))
        whole = "台账完整，没有发现改动。" in said
        found.add("hash chain", f"whole, {self.n('from case_events')} events" if whole else said[-200:], whole)

    def _objects(self, found: Findings) -> None:
        env = {name.lower(): value for name, value in self.system.settings_env.items()}
        known = {name: value for name, value in env.items() if name in Settings.model_fields}
        settings = Settings(**{**known, "wechat_templates": {}})
        app = create_app(settings)
        with app.app_context():
            named = {one.key: one.needed for one in objects.named(db.session())}
            stored = set(app.extensions["qinghe"].storage.every_key())
        missing = [key for key, needed in named.items() if needed and key not in stored]
        strays = stored - named.keys()
        found.add("objects stored, of them without a row", f"{len(stored)}, {len(strays)}", not strays)
        found.add("objects that a row needs and that are not there", len(missing), not missing)
        refused = self.n("from photos where state = 'refused'")
        found.add("photos refused though they were sound", refused, refused == 0)


def _in_s(seconds: float | None) -> str:
    return f"{seconds:.0f} s" if seconds is not None else f"not within {WITHIN_S:.0f} s"


# ---- the command -----------------------------------------------------------------------------------------------------


def storm(size: Size, seed: int, tell: Callable[[str], None], disk_mb: int | None) -> Findings:
    """One storm from its seed. With `disk_mb` the system's data lie on a disk of that size, which is filled too."""
    with tempfile.TemporaryDirectory(prefix="qinghe-", ignore_cleanup_errors=True) as place:
        Path(place).chmod(0o711)
        with contextlib.ExitStack() as stack:
            small = Path(place) / "disk"
            disk = stack.enter_context(small_disk(small, disk_mb, tell)) if disk_mb else None
            folder = (disk or Path(place)) / "data"
            system = stack.enter_context(system_under(folder, Path(place) / "clock"))
            found = Storm(system, Path(place) / "clock", size, seed, disk, tell).run()
            if found.faults():
                tell(_logs(system))
            return found


def _logs(system: System) -> str:
    words = io.StringIO()
    for log in sorted(system.folder.logs.glob("*.log")):
        text = log.read_text("utf-8", "replace")
        if log.name.split(".")[0].split("-")[0] in ("web", "worker", "scheduler"):
            words.write(f"---- {log.name}\n{text[-1500:]}\n")
    return words.getvalue()


def table(found: Findings) -> str:
    lines = [f"| {name} | {figure} | {'' if good else '**fault**'} |" for name, figure, good in found.lines]
    head = f"`make faults SEED={found.seed}`, {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores: " + (
        f"{found.size.reports} reports, {found.size.patrols} patrols, {found.size.phones} phones at once."
    )
    return "\n".join([head, "", "| what | figure | |", "|---|---|---|", *lines])


def write(found: Findings) -> None:
    """Put the table where docs/reliability.md has its place for it."""
    text = DOC.read_text("utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    DOC.write_text(f"{before}{BEGIN}\n{table(found)}\n{END}{after}", "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make faults")
    parser.add_argument("--seed", type=int, default=20261124)
    parser.add_argument("--reports", type=int, default=FULL.reports)
    parser.add_argument("--kills", type=int, default=FULL.kills)
    parser.add_argument("--write", action="store_true", help="write the table into docs/reliability.md")
    asked = parser.parse_args()
    size = dataclasses.replace(FULL, reports=asked.reports, kills=asked.kills)
    found = storm(size, asked.seed, lambda line: print(line, flush=True), disk_mb=3000)
    print(table(found))
    if asked.write:
        write(found)
    return 1 if found.faults() else 0


if __name__ == "__main__":
    sys.exit(main())
