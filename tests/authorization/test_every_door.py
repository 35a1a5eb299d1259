"""Every address × everybody × their own, another's and nobody's: who gets in, who is turned away, what they may read.

The table is table.py, written by hand; the people and their things are town.py. That every endpoint has its row there,
tests/test_house.py holds.
"""

from __future__ import annotations

import json
import re
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from apiflask import APIFlask
from werkzeug.test import TestResponse

from backend.county import County
from tests.authorization.table import MAY_READ, TOLD_WITH, doors, people
from tests.authorization.town import HERE, NAME, OFFICIALS, SOURCE, SPOT, THERE, Town
from tests.build import Build
from tests.conftest import MovableClock, Sweeper

WHO = ("nobody", "stranger", "reporter", *OFFICIALS)
# The forms that make a call go as far as the question of who asks; the rest is sent an empty one.
FORMS: dict[str, dict[str, Any]] = {
    "/api/v1/session": {"code": "made-up"},
    "/api/v1/session/role": {"role_id": "{role}"},  # the handler's, for all others
    "/api/v1/session/phone": {"code": "made-up"},
    "/api/v1/session/binding-code": {"code": "00000000"},
    "/api/v1/account/closing": {"confirm": "不"},
    "/api/v1/photos/{photo}/uploaded": {"claim": "made-up"},
    "/api/v1/reports/{report}/supplements": {"text": "又来了"},
    "/api/v1/reports/{report}/rating": {"stars": 1},
    "/api/v1/reports/{report}/dispute": {"reason": "还在"},
    "/api/v1/reports/{report}/appeal": {"reason": "还在"},
    "/api/v1/reports/{report}/identity-looks": {"reason": "核实"},
    "/api/v1/reports/{report}/erasure": {"reason": "依法删除", "scope": "identity"},
    "/api/v1/receipt/supplements": {"text": "又来了"},
    "/api/v1/receipt/rating": {"stars": 1},
    "/api/v1/receipt/dispute": {"reason": "还在"},
    "/api/v1/receipt/appeal": {"reason": "还在"},
    "/api/v1/cases/{case}/timeline": {"text": "到现场了"},
    "/api/v1/cases/{case}/publication": {"reason": "公开", "withheld": True},
    "/api/v1/cases/{case}/actions/note": {"note": "到现场了"},
    "/api/v1/cases/{case}/actions/request_closure": {"done": "清完了"},
    "/api/v1/cases/{case}/actions/allocate": {"handler": "{person}"},
    "/api/v1/cases/{case}/actions/reassign": {"unit": THERE, "reason": "改派"},
    "/api/v1/cases/{case}/actions/remind": {"reason": "请抓紧"},
    "/api/v1/cases/{case}/actions/supplement": {"note": "我就是举报人"},
    "/api/v1/reminders": {"case_ids": ["{case}"], "reason": "请抓紧"},
    "/api/v1/reminders/{reminder}/reply": {"text": "收到"},
    "/api/v1/supervisions/{letter}/replies": {"text": "收到"},
    "/api/v1/supervisions/{letter}/replies/{reply}/accept": {"reason": "好"},
    "/api/v1/supervisions/{letter}/replies/{reply}/send-back": {"reason": "不好"},
    "/api/v1/supervisions/{letter}/end": {"reason": "好"},
    "/api/v1/imports/{import}/carry-out": {"digest": "0" * 64},
    "/api/v1/risk-sources/{source}": {
        "kind": "water_intake", "name": "改名", "unit": HERE, "reason": "改", **SPOT,
    },
    "/api/v1/risk-sources/{source}/inspections": {
        "result": "normal", "words": "正常", "place": SPOT, "photos": [{"id": str(uuid.UUID(int=7)), "claim": "x"}],
    },
    "/api/v1/risk-sources/{source}/plan": {"text": "网", "responsible": "李四", "responsible_unit": HERE},
    "/api/v1/risk-sources/{source}/measures": {"text": "网", "unit": HERE, "person": "李四", "due_on": "2026-06-30"},
    "/api/v1/measures/{measure}": {
        "text": "网", "unit": THERE, "person": "李四", "due_on": "2026-06-30", "reason": "推给别人",
    },
    "/api/v1/measures/{measure}/finish": {"words": "好了"},
    "/api/v1/measures/{measure}/reopen": {"words": "没好"},
    "/api/v1/measures/{measure}/drop": {"words": "不做了"},
    "/api/v1/notices/consents": {"answers": {}},
    "/api/v1/delegations": {
        "person_id": "{person}", "deputy_id": "{deputy}", "unit": HERE, "from_on": "2026-08-01", "to_on": "2026-08-02",
        "reason": "休假",
    },
    "/api/v1/handovers/person": {
        "role_id": "{role}", "to_person": "{deputy}", "leaves": False, "reason": "调整", "dry_run": True,
    },
    "/api/v1/handovers/unit": {"from_unit": HERE, "to_unit": THERE, "reason": "撤并", "dry_run": True},
    "/api/v1/patrols/{patrol}/appeal": {"text": "手机没电"},
    "/api/v1/patrols/{patrol}/appeal/decision": {"upheld": True, "reason": "属实"},
    "/api/v1/findings/confirm": {"cases": [{"case": "{case}", "version": 1}]},
    "/api/v1/assessments/{month}/corrections": {"subject": HERE, "reason": "更正"},
    "/api/v1/duties/reminders": {"role_ids": ["{role}"], "reason": "请巡河"},
    "/desk/patrols/reminders/look": {"role_ids": "{role}"},
    "/desk/patrols/reminders": {"role_ids": "{role}", "reason": "请巡河"},
    "/desk/targets/{new}/values": {"on": "2026-06-01", "value": "1", "source": "x"},
    "/desk/sign-in/password": {"phone": "{phone}", "password": "made-up", "one_time": "000000"},
    "/desk/ledger/remind": {"case_ids": "{case}", "reason": "请抓紧"},
    "/desk/ledger/views": {"name": "看看", "query": "state=assigned"},
    "/desk/ledger/export": {"format": "csv"},
    "/desk/supervision/{letter}/reply": {"reason": "收到"},
    "/desk/supervision/{letter}/accept": {"reason": "好"},
    "/desk/supervision/{letter}/send_back": {"reason": "不好"},
    "/desk/supervision/{letter}/end": {"reason": "好"},
    "/desk/appeals/{patrol}": {"reason": "属实", "upheld": "true"},
    "/desk/cases/{case}/actions/note": {"note": "看看", "version": "9999"},
    "/desk/cases/{case}/actions/close": {"version": "9999"},
    "/desk/cases/{case}/reports/{report}/identity": {"reason": "核实"},
    "/desk/account/role": {"role_id": "{role}"},
}  # fmt: skip
QUERIES = {
    "/api/v1/duties/completion": "?first=2026-05-01&last=2026-05-31",
    "/api/v1/duties/summary": "?first=2026-05-01&last=2026-05-31",
    "/api/v1/duties/completion.xlsx": "?first=2026-05-01&last=2026-05-31",
    "/api/v1/patrols/export.zip": "?first=2026-05-01&last=2026-05-31",
    "/api/v1/follow-up-draws": "?month=2026-05-01",
    "/api/v1/assessments/trend": f"?subject={HERE}",
}
ENDS_A_SIGN_IN = {"/api/v1/session", "/api/v1/sessions"}


@dataclass(frozen=True)
class Knock:
    """One call of one person and what came of it."""

    who: str
    method: str
    address: str
    status: int
    code: str
    title: str
    body: bytes

    @property
    def turned_away(self) -> bool:
        return self.status in (401, 403, 404) or (self.code == "unknown_photo" and "{photo}" in self.address)

    def holds(self, traces: tuple[bytes, ...]) -> bool:
        return any(trace in self.body for trace in traces)


def knock(town: Town, who: str, method: str, address: str, objects: dict[str, str]) -> Knock:
    if "{scan}" in address and objects is town.objects:
        objects["scan"] = town.scan()
    objects["phone"] = f"139{secrets.randbelow(10**8):08d}"
    path = filled(address, objects)
    form = filled(FORMS.get(address, {}), objects)
    if address.startswith("/desk"):
        answer = at_the_desk(town, who, method, path, form)
    else:
        answer = by_phone(town, who, method, address, path, form)
    status = answer.status_code
    told = answer.get_json() if answer.mimetype == "application/problem+json" else {}
    if status == 303 and answer.location.startswith("/desk/sign-in") and who not in OFFICIALS:
        status = 401
    title = told.get("title", "")
    if status >= 400 and not title and address.startswith("/desk"):
        title = " ".join(re.findall(r"[\u4e00-\u9fff，。]+", re.sub(r"(?s)<nav.*?</nav>", "", answer.text)))[:500]
    return Knock(who, method, address, status, told.get("code", ""), title, answer.get_data())


def by_phone(town: Town, who: str, method: str, address: str, path: str, form: dict[str, Any]) -> TestResponse:
    phone = town.fresh(who) if method == "DELETE" and address in ENDS_A_SIGN_IN else town.phones[who]
    headers = {"Authorization": f"Bearer {phone.token}"} if phone.token else {}
    # A version that nobody has seen: whoever may is told so, and nothing is done.
    headers |= {"Idempotency-Key": uuid.uuid4().hex, "If-Match": "9999"}
    if "/photos/" in address:
        headers["Photo-Claim"] = "made-up"
    headers["Receipt-Code"] = "AAAA-AAAA-AAAA-AAAA"
    body = form if method in ("POST", "PUT") else None
    return phone.client.open(path + QUERIES.get(address, ""), method=method, json=body, headers=headers)


def at_the_desk(town: Town, who: str, method: str, path: str, form: dict[str, Any]) -> TestResponse:
    desk = town.desks.setdefault(who, town.build.app.test_client())  # type: ignore[arg-type]
    sent = None
    if method == "POST":
        before = path.startswith(("/desk/sign-in", "/desk/enrol"))
        token = town.form_token(who, signed_in=who in OFFICIALS and not before)
        sent = {"form_token": token, "form_key": uuid.uuid4().hex, **form}
    desk.delete_cookie("qinghe_desk_said", path="/desk")
    return desk.open(path, method=method, data=sent)


def filled(form: Any, objects: dict[str, str]) -> Any:
    if isinstance(form, dict):
        return {name: filled(value, objects) for name, value in form.items()}
    if isinstance(form, list):
        return [filled(value, objects) for value in form]
    return re.sub(r"\{(\w+)\}", lambda blank: objects[blank[1]], form) if isinstance(form, str) else form


@pytest.fixture(scope="module")
def knocks(
    app: APIFlask, sweeper: Sweeper, clock: MovableClock, wechat_url: str, county: County
) -> Iterator[tuple[Town, list[Knock], list[Knock]]]:
    """The town, every call of everybody, and the same calls of those turned away with ids that do not exist."""
    clock.reset()
    app.extensions["qinghe"].redis.flushdb()
    sweeper.sweep()
    town = Town(Build(app, clock, wechat_url), county)
    FORMS.update(walked(town))
    unknown = {name: str(uuid.uuid4()) for name in town.objects} | {
        "source": "FX-000", "scan": "11111111", "month": "2026-05", "new": str(uuid.uuid4()), "unit": "999999999",
        "public_number": "QH-2026-99999", "board": "x", "board_code": "NO-1", "reach": "NO-1", "asset": "none",
    }  # fmt: skip
    town.objects |= {"new": str(uuid.uuid4()), "none": "999999"}
    real, none = [], []
    for method, address, who, sign in doors():
        # Who is turned away comes first, so that nothing has changed yet when they look.
        for one in sorted(WHO, key=lambda one: one in who):
            real.append(knock(town, one, method, address, town.objects))
            if one not in who and not sign and real[-1].status != 401 and a_secret_from(one, address):
                none.append(knock(town, one, method, address, unknown))
    yield town, real, none
    sweeper.sweep()
    app.extensions["qinghe"].redis.flushdb()


def a_secret_from(who: str, address: str) -> bool:
    """Whether the address names a thing of which this person is not to know that it exists."""
    return any(who not in people(may) for kind, may in MAY_READ.items() if f"{{{kind}}}" in address)


def walked(town: Town) -> dict[str, dict[str, Any]]:
    """The messages of the patrol, once more."""
    walk, now = town.walk, town.build.clock()
    place = {"coord_type": "wgs84", "lon": walk.places[0][0], "lat": walk.places[0][1]}
    begun = walk.began_at.isoformat()
    shot = {"id": str(uuid.uuid4()), "claim": "made-up"}
    return {
        "/api/v1/patrols/{patrol}": walk.start(now),
        "/api/v1/patrols/{patrol}/batches/{new}": walk.batch(0, now),
        "/api/v1/patrols/{patrol}/finish": walk.finish(now),
        "/api/v1/patrols/{patrol}/photos/{new}": {"photo": shot},
        "/api/v1/patrols/{patrol}/findings/{new}": {
            "category": "fishing", "observed_at": begun, "photos": [shot], **place,
        },
        "/api/v1/patrols/{patrol}/checkpoints/{new}": {"checkpoint": "NO-1", "at": begun, **place},
    }  # fmt: skip


def test_everybody_gets_in_where_the_table_says_and_nowhere_else(
    knocks: tuple[Town, list[Knock], list[Knock]],
) -> None:
    allowed = {(method, address): (who, sign) for method, address, who, sign in doors()}
    wrong = []
    for one in knocks[1]:
        who, sign = allowed[one.method, one.address]
        turned_away = one.turned_away and not (sign == "-" and one.who in who and one.status == 404)
        if (one.who in who) == turned_away or (one.status >= 500 and one.status != 503):
            wrong.append(f"{one.method} {one.address} as {one.who}: {one.status} {one.code} {one.title[:60]}")
    assert not wrong, "\n" + "\n".join(wrong)


def test_whoever_is_turned_away_does_not_learn_whether_the_thing_exists(
    knocks: tuple[Town, list[Knock], list[Knock]],
) -> None:
    _, real, none = knocks
    told = {(one.who, one.method, one.address): (one.status, one.code, one.title) for one in real}
    wrong = [
        f"{one.method} {one.address} as {one.who}: {told[key]}, and for an id that is none {said}"
        for one in none
        if (key := (one.who, one.method, one.address)) in told
        and told[key] != (said := (one.status, one.code, one.title))
    ]
    assert not wrong, "\n" + "\n".join(wrong)


def test_what_belongs_to_others_stands_in_nobodys_answers(knocks: tuple[Town, list[Knock], list[Knock]]) -> None:
    """Lists, counts, files and pages: none holds an id, a name or a number that its reader has no business with."""
    town, real, _ = knocks
    wrong = []
    for kind, words in MAY_READ.items():
        may, traces = people(words), dressed(town.objects[kind])
        found = {one.who for one in real if one.holds(traces)}
        wrong += [
            f"{one.method} {one.address} tells {one.who} of the {kind}"
            for one in real
            if one.who not in may and one.holds(traces) and not sent_along(one.address, kind)
        ]
        if not found & may:
            wrong.append(f"nobody at all was told of the {kind}: the search looks in the wrong place")
    assert not wrong, "\n" + "\n".join(wrong)


def dressed(text: str) -> tuple[bytes, ...]:
    """As it stands on a page, and as it stands in JSON."""
    return text.encode(), json.dumps(text)[1:-1].encode()


def sent_along(address: str, kind: str) -> bool:
    """Whether the caller named the thing, or something with which it may be read."""
    blank = f"{{{kind}}}"
    return blank in address or blank in str(FORMS.get(address, "")) or TOLD_WITH.get(kind, "?") in address


def test_the_search_would_find_what_it_looks_for(knocks: tuple[Town, list[Knock], list[Knock]]) -> None:
    town, real, none = knocks
    seen = [one for one in real if one.who == "office" and one.method == "GET"]
    assert any(town.objects["case"].encode() in one.body for one in seen)
    assert any(one.holds(dressed(NAME)[1:]) for one in real if one.who == "handler")
    assert any(SOURCE.encode() in one.body for one in seen)
    assert len(real) == len(WHO) * len(doors())
    assert len(none) > 200
