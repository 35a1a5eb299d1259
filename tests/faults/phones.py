"""Simulated phones: they send until they are answered, as the mini program does, and note what was acknowledged.

Some answers get lost on the way, some requests are sent twice at once: the same Idempotency-Key, or the same id in the
path, goes with every repetition.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import requests

from backend.county import County
from backend.local.pictures import make_jpeg
from tests.walks import VILLAGE, Walk, chief

LOST_ANSWERS, SENT_TWICE = 0.06, 0.04
PAUSE_S = (0.0, 1.0)  # nobody presses the button again in the same moment
_WAITS_S = (0.2, 0.4, 0.8, 1.5, 3.0)
_CATEGORIES = ("garbage", "encroachment", "livestock", "black_odor", "floating", "facility", "other")
PICTURES = [make_jpeg(240, 180, text="river", seed=n) for n in range(40)]


class Refused(Exception):  # noqa: N818
    """The server said no, and would say so again."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(f"{status} {code}")
        self.status, self.code = status, code


class OutOfTime(Exception):  # noqa: N818
    """A phone that was never answered."""


@dataclass
class World:
    """Where the phones live, and what they know: only what was acknowledged."""

    api: str
    stand_in: str
    places: list[tuple[float, float]]
    county: County
    until: float
    reports: dict[str, str] = field(default_factory=dict)
    """id → the words that stand in it and in no other."""
    receipts: dict[str, str] = field(default_factory=dict)
    actions: list[tuple[str, str]] = field(default_factory=list)
    patrols: dict[str, list[str]] = field(default_factory=dict)
    """id → ids of batches."""
    findings: list[str] = field(default_factory=list)
    calls: int = 0
    retried: int = 0
    differing: list[str] = field(default_factory=list)
    """Repetitions that were answered differently."""
    refused: list[str] = field(default_factory=list)

    def control(self, path: str, **body: Any) -> dict[str, Any]:
        """What WeChat's own app would do. Asked again while the stand-in is away."""
        while True:
            try:
                answer = requests.post(f"{self.stand_in}/_stand-in/{path}", json=body, timeout=10)
                answer.raise_for_status()
                found: dict[str, Any] = answer.json()
                return found
            except requests.RequestException:
                if time.monotonic() > self.until:
                    raise
                time.sleep(0.5)


class Phone:
    """One phone. `chance` decides what its network does to it."""

    def __init__(self, world: World, chance: Random, token: str | None = None) -> None:
        self.world, self.chance, self.token = world, chance, token
        self.of_unit = ""
        self._http = requests.Session()
        self._http.trust_env = False

    # -- the wire

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        """Send until answered. Raises Refused for what would be refused again."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        repeated = method != "GET" and self.chance.random() < LOST_ANSWERS
        if method != "GET" and self.chance.random() < SENT_TWICE:
            self._twice(method, path, body, sent)
        found = self._until_answered(method, path, body, sent)
        if repeated:
            again = self._until_answered(method, path, body, sent)
            told = [(one.get("id"), one.get("receipt_code")) for one in (found, again)]
            if told[0] != told[1] and path != "/photos":  # a form for an upload is made anew, the unused one is removed
                self.world.differing.append(f"{method} {path}: {told}")
        return found

    def _until_answered(self, method: str, path: str, body: Any, headers: dict[str, str]) -> dict[str, Any]:
        for attempt in range(10_000):
            self.world.calls += 1
            answer = self._try(method, path, body, headers)
            if answer is not None and answer.status_code < 300:
                found: dict[str, Any] = answer.json() if answer.content else {}
                return found
            if answer is not None and answer.status_code < 500 and answer.status_code not in (408, 429):
                raise Refused(answer.status_code, str(answer.json().get("code")))
            if time.monotonic() > self.world.until:
                raise OutOfTime(f"{method} {path}: {answer.text if answer is not None else 'no answer'}")
            self.world.retried += 1
            time.sleep(_WAITS_S[min(attempt, len(_WAITS_S) - 1)] * self.chance.uniform(0.7, 1.3))
        raise OutOfTime(path)

    def _try(self, method: str, path: str, body: Any, headers: dict[str, str]) -> requests.Response | None:
        try:
            return self._http.request(method, f"{self.world.api}{path}", json=body, headers=headers, timeout=(3, 20))
        except requests.RequestException:
            return None

    def _twice(self, method: str, path: str, body: Any, headers: dict[str, str]) -> None:
        """A finger that trembles: the same request twice at the same moment."""

        def once() -> None:
            try:
                requests.request(method, f"{self.world.api}{path}", json=body, headers=headers, timeout=(3, 20))
            except requests.RequestException:
                return

        with ThreadPoolExecutor(2) as pool:
            pool.submit(once)
            pool.submit(once)

    # -- people

    def sign_in(self, user: str, number: str | None = None) -> None:
        """As a WeChat user; with a number, bound to the roster. WeChat's codes are good once: nothing is repeated."""
        code = self.world.control("login", user=user)["code"]
        self.token = self._until_answered("POST", "/session", {"code": code}, {})["token"]
        if number is not None:
            bound = self.world.control("phone", user=user, phone=number)["code"]
            headers = {"Authorization": f"Bearer {self.token}"}
            self._until_answered("POST", "/session/phone", {"code": bound}, headers)

    # -- what they do

    def photo(self) -> dict[str, str]:
        form = self.ask("POST", "/photos", {"content_type": "image/jpeg"}, Idempotency_Key=uuid.uuid4().hex)
        data = self.chance.choice(PICTURES)
        while not self._posted(form, data):
            if time.monotonic() > self.world.until:
                raise OutOfTime("object storage")
            time.sleep(self.chance.uniform(0.3, 1.5))
        ref = {"id": form["id"], "claim": form["claim"]}
        self.ask("POST", f"/photos/{ref['id']}/uploaded", {"claim": ref["claim"]}, Idempotency_Key=uuid.uuid4().hex)
        return ref

    def _posted(self, form: dict[str, Any], data: bytes) -> bool:
        try:
            sent = requests.post(form["url"], data=form["fields"], files={"file": ("p.jpg", data)}, timeout=20)
        except requests.RequestException:
            return False
        return sent.status_code < 300

    def report(self, n: int) -> None:
        """One report of its own words and place, with some photos; a photo that did not arrive is taken anew."""
        words = f"河边有一处问题，第{n}份。"
        lon, lat = self.world.places[n % len(self.world.places)]
        body = {
            "category": self.chance.choice(_CATEGORIES), "text": words,
            "privacy": "named" if self.token else "anonymous",
            "place": {"lon": lon, "lat": lat, "coord_type": "wgs84"},
        }  # fmt: skip
        shots = self.chance.choice((1, 1, 1, 2))
        while True:
            photos = [self.photo() for _ in range(shots)]
            try:
                shown = self.ask("POST", "/reports", {**body, "photos": photos}, Idempotency_Key=uuid.uuid4().hex)
                break
            except Refused as refused:
                self.world.refused.append(f"report: {refused}")
                if refused.code not in ("photo_refused", "photo_not_uploaded", "unknown_photo"):
                    raise
        self.world.reports[shown["id"]] = words
        self.world.receipts[shown["id"]] = shown["receipt_code"]

    def patrol(self, nth: int, hours_ago: float) -> None:
        """A village chief's walk, its messages in any order and some of them twice, with a photo."""
        now = datetime.now(UTC)
        walk = Walk(
            self.world.county, chief(VILLAGE, nth), now - timedelta(hours=hours_ago), metres=500, every_s=20,
            batch_points=8,
        )  # fmt: skip
        messages = [*walk.messages(now)]
        shot, ref = uuid.uuid4(), self.photo()
        self.chance.shuffle(messages)
        messages += self.chance.sample(messages, k=1)
        for path, body in messages:
            self.ask("PUT", f"/patrols{path}", body)
        self.ask("PUT", f"/patrols/{walk.id}/photos/{shot}", {"photo": ref})
        self.world.patrols[walk.id] = walk.batch_ids

    def work_on_cases(self, states: str, most: int, step: Callable[[Phone, dict[str, Any]], bool]) -> int:
        """Take up to so many cases of these states one step on. Returns how many steps were acknowledged."""
        found = self.ask("GET", f"/cases?state={states}&limit={most}{self.of_unit}")["items"]
        return sum(step(self, row) for row in found)

    def act(self, row: dict[str, Any], action: str, **form: Any) -> bool:
        """One action by the version that was seen; somebody else may have been faster."""
        key = uuid.uuid4().hex
        headers = {"If_Match": f'"{row["version"]}"', "Idempotency_Key": key}
        try:
            self.ask("POST", f"/cases/{row['id']}/actions/{action}", form, **headers)
        except Refused as refused:
            self.world.refused.append(f"{action}: {refused}")
            return False
        self.world.actions.append((row["id"], action))
        return True

    def sound(self, ref: dict[str, str], within_s: float) -> bool:
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            if self.ask("GET", f"/photos/{ref['id']}", Photo_Claim=ref["claim"])["state"] == "sound":
                return True
            time.sleep(0.5)
        return False


def handle(phone: Phone, row: dict[str, Any]) -> bool:
    """A township's next step with a case."""
    if row["state"] == "assigned":
        return phone.act(row, "accept")
    if row["state"] == "accepted":
        day = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
        return phone.act(row, "start", measure="清理", person="经办人", date=day)
    ref = phone.photo()
    return phone.sound(ref, 20) and phone.act(row, "request_closure", done="已清理", photos=[ref])


def verify(phone: Phone, row: dict[str, Any]) -> bool:
    """The office closes."""
    return phone.act(row, "close", reason="照片已逐张核对。")
