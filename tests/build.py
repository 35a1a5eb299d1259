"""Builders: people with phones, photos, reports, cases brought into a state, all through the HTTP API."""

from __future__ import annotations

import json
import re
import time
import uuid
from pathlib import Path
from typing import Any

import requests
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import exists, select
from werkzeug.test import TestResponse

from backend.domain import desk_sessions
from backend.domain.desk_sessions import Browser
from backend.jobs import drain
from backend.local.pictures import make_jpeg
from backend.models import Deferred, Person
from backend.work import unit_of_work

_PATIENCE_S, _LOOK_AGAIN_S = 20.0, 0.02
QINGYUAN = Path(__file__).parent.parent / "config" / "county" / "qingyuan"
POINTS: dict[str, dict[str, Any]] = json.loads((QINGYUAN / "demo_points.json").read_text("utf-8"))
OFFICE = "19900000001"
INSPECTOR = "19900000004"
ROSTER = [line.split(",") for line in (QINGYUAN / "roster.csv").read_text("utf-8-sig").splitlines()[1:]]


def phone_of(unit: str, role: str = "经办人") -> str:
    """The phone of the first person on the demo roster with this role in this unit."""
    return next(row[1] for row in ROSTER if row[3] == unit and row[2] == role)


class Phone:
    """One user's phone: a client with a token."""

    def __init__(self, client: FlaskClient, token: str | None = None) -> None:
        self.client, self.token = client, token

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> TestResponse:
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        if self.token and "Authorization" not in sent:
            sent["Authorization"] = f"Bearer {self.token}"
        return self.client.open(f"/api/v1{path}", method=method, json=body, headers=sent)

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.call("GET", path, None, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> TestResponse:
        headers.setdefault("Idempotency_Key", uuid.uuid4().hex)
        return self.call("POST", path, body if body is not None else {}, **headers)

    def act(self, case_id: str, action: str, version: int | None = None, **form: Any) -> TestResponse:
        """Take an action on a case at the version that is shown now, or at `version`."""
        seen = version if version is not None else self.get(f"/cases/{case_id}").json["version"]  # type: ignore[index]
        return self.post(f"/cases/{case_id}/actions/{action}", form, If_Match=str(seen))


class Desk(FlaskClient):
    """A browser at the desk, without scripts."""

    def form_token(self) -> str:
        """The token that the forms of this session carry."""
        return re.search(r'name="form-token" content="(\w+)"', self.get("/desk/account").text)[1]  # type: ignore[index]

    def send(self, path: str, follow: bool = True, **form: Any) -> TestResponse:
        """Fill in a form and press its button."""
        data = {"form_token": self.form_token(), "form_key": uuid.uuid4().hex, **form}
        return self.post(path, data=data, follow_redirects=follow)


def _in_hand() -> bool:
    """Whether something has been taken up that is neither done nor failed."""
    begun = Deferred.attempts > 0, Deferred.last_error.is_(None)
    open_still = Deferred.done_at.is_(None), Deferred.gave_up_at.is_(None)
    with unit_of_work() as work:
        return bool(work.session.scalar(select(exists().where(*begun, *open_still))))


class Build:
    def __init__(self, app: APIFlask, clock: Any, wechat_url: str) -> None:
        self.app, self.clock, self.wechat_url = app, clock, wechat_url

    def control(self, path: str, /, **body: Any) -> dict[str, Any]:
        answer = requests.post(f"{self.wechat_url}/_stand-in/{path}", json=body, timeout=10)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def seen(self, what: str) -> list[dict[str, Any]]:
        """What the stand-in has taken: "sms", "sent"."""
        answer = requests.get(f"{self.wechat_url}/_stand-in/{what}", timeout=10)
        answer.raise_for_status()
        found: list[dict[str, Any]] = answer.json()
        return found

    def nobody(self) -> Phone:
        return Phone(self.app.test_client())

    def resident(self, user: str = "resident") -> Phone:
        phone = self.nobody()
        code = self.control("login", user=user)["code"]
        phone.token = phone.post("/session", {"code": code}).json["token"]  # type: ignore[index]
        return phone

    def official(self, number: str) -> Phone:
        """The person on the roster with this phone number, bound and signed in."""
        phone = self.resident(f"official-{number}")
        code = self.control("phone", user=f"official-{number}", phone=number)["code"]
        bound = phone.post("/session/phone", {"code": code})
        assert bound.status_code == 200, bound.json
        return phone

    def office(self) -> Phone:
        return self.official(OFFICE)

    def at_the_desk(self, number: str) -> Desk:
        """The person on the roster with this phone number, signed in at a browser."""
        client = Desk(self.app, self.app.response_class)
        client.set_cookie("qinghe_desk", self.desk_token(number), path="/desk")
        return client

    def desk_token(self, number: str) -> str:
        """A session at the desk as a confirmed scan begins it."""
        with self.app.app_context(), unit_of_work() as work:
            digest = work.vault.digest("phone", number)
            person = work.session.scalars(select(Person).where(Person.phone_digest == digest)).one()
            return desk_sessions.begin(work, person, None, "scan", Browser("Chrome · Windows", "127.0.0.1"))[1]

    @staticmethod
    def settle() -> None:
        """What is due is done: by us, or by the worker beside us that has taken it up and is not through."""
        drain()
        until = time.monotonic() + _PATIENCE_S
        while _in_hand() and time.monotonic() < until:
            time.sleep(_LOOK_AGAIN_S)
            drain()

    def photo(self, phone: Phone, data: bytes | None = None, wait: bool = True, **asked: Any) -> dict[str, str]:
        """A photo uploaded by the form, for which `asked` is asked, to the real store. With `wait`, examined too."""
        form = phone.post("/photos", {"content_type": "image/jpeg", **asked}).json
        assert form is not None
        sent = self.upload(form, data)
        assert sent.status_code in (200, 201, 204), sent.text
        ref = {"id": form["id"], "claim": form["claim"]}
        phone.post(f"/photos/{ref['id']}/uploaded", {"claim": ref["claim"]})
        if wait:
            self.settle()
        return ref

    @staticmethod
    def upload(form: dict[str, Any], data: bytes | None = None, **fields: str) -> requests.Response:
        """What the phone posts to the store: the form's fields, some of them changed, and the file."""
        data = data if data is not None else make_jpeg(640, 480, text="river", seed=uuid.uuid4().int)
        files = {"file": ("p.jpg", data, "image/jpeg")}
        return requests.post(form["url"], data={**form["fields"], **fields}, files=files, timeout=20)

    def form(self, phone: Phone, at: str = "inside_township", **changes: Any) -> dict[str, Any]:
        """A report form at one of the demo county's named points."""
        point = POINTS[at]
        place = {"lon": point["lon"], "lat": point["lat"], "coord_type": "wgs84", **changes.pop("place", {})}
        photos = changes.pop("photos") if "photos" in changes else [self.photo(phone)]
        base = {
            "category": "garbage",
            "text": "河边倒了一堆垃圾。",
            "privacy": "named",
            "place": place,
            "photos": photos,
        }
        return {**base, **changes}

    def report(self, phone: Phone | None = None, at: str = "inside_township", **changes: Any) -> dict[str, Any]:
        """A submitted and routed report, as its reporter reads it."""
        phone = phone or self.resident()
        answer = phone.post("/reports", self.form(phone, at, **changes))
        assert answer.status_code == 201, answer.json
        self.settle()
        shown: dict[str, Any] = answer.json  # type: ignore[assignment]
        return shown

    def case(self, state: str = "assigned", at: str = "inside_township", **changes: Any) -> tuple[str, Phone]:
        """A case brought into a state on the straight way. Returns its id and its handler's phone."""
        self.report(at=at, **changes)
        office = self.office()
        case = office.get("/cases?limit=1").json["items"][0]  # type: ignore[index]
        handler = self.official(phone_of(case["lead_unit"])) if case["lead_unit"] else office
        for action in ("accept", "start", "request_closure", "close"):
            if case["state"] == state:
                break
            form: dict[str, Any] = {
                "accept": {},
                "start": {"measure": "清理垃圾", "person": "经办人", "date": "2026-06-10"},
                "request_closure": {"done": "已清理"},
                "close": {},
            }[action]
            if action == "request_closure":
                form["photos"] = [self.photo(handler)]
            answer = (office if action == "close" else handler).act(case["id"], action, **form)
            assert answer.status_code == 200, answer.json
            case = answer.json
        assert case["state"] == state, case["state"]
        self.settle()
        return case["id"], handler
