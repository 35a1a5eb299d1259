"""A token that has ended opens nothing, wherever it is tried; a form changes nothing but what it is for; the address of
a picture is good for that picture alone."""

from __future__ import annotations

import re
import uuid
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from backend.domain import people
from backend.jobs import drain
from backend.roster_file import read_roster
from backend.work import unit_of_work
from tests.authorization.table import GROUPS, doors
from tests.build import OFFICE, POINTS, QINGYUAN, Build, Desk, Phone, phone_of
from tests.looking import sql

HERE = POINTS["inside_township"]["lead"]
HANDLER = phone_of(HERE)
# What the table leaves open to whoever is signed out.
PUBLIC = frozenset(GROUPS["everybody"])
NO_TOKEN = ("/wechat/", "/receipt", "/api/v1/photos/", "/desk/no-such", "/desk/sign-in/")


def closed(desk: bool) -> list[tuple[str, str]]:
    """Every address that asks who one is."""
    found = [
        (method, address)
        for method, address, who, _ in doors()
        if who != PUBLIC and not any(part in address for part in NO_TOKEN) and address.startswith("/desk") == desk
    ]
    assert len(found) > 25
    return [(method, with_ids(address)) for method, address in found]


def with_ids(address: str) -> str:
    return re.sub(r"\{(\w+)\}", lambda blank: "7" if blank[1] == "none" else str(uuid.UUID(int=7)), address)


def refused_at(phone: Phone) -> set[int]:
    """What every closed address answers to the phone's token."""
    headers = {"Authorization": f"Bearer {phone.token}", "Idempotency-Key": uuid.uuid4().hex, "If-Match": "1"}
    return {
        phone.client.open(path, method=method, json={} if method != "GET" else None, headers=headers).status_code
        for method, path in closed(desk=False)
    }


def shut_out(desk: Desk) -> bool:
    """Whether every page leads to the sign-in page, and every form too."""
    answers = [desk.open(path, method=method) for method, path in closed(desk=True)]
    return all(one.status_code == 303 and one.location.startswith("/desk/sign-in") for one in answers)


def test_a_token_opens_nothing_after_sign_out(build: Build) -> None:
    phone = build.office()
    assert phone.get("/session").status_code == 200
    assert phone.call("DELETE", "/session").status_code == 204
    assert refused_at(phone) == {401}


def test_signing_out_everywhere_ends_all_phones_and_computers_of_the_person(build: Build) -> None:
    kept, lost, desk = build.office(), build.office(), build.at_the_desk(OFFICE)
    relative = build.resident("relative")  # another WeChat account, bound to the same person by a code
    [person] = sql(build.app, "SELECT person_id FROM accounts WHERE person_id IS NOT NULL")
    code = kept.post(f"/roster/{person['person_id']}/binding-code").json["code"]
    assert relative.post("/session/binding-code", {"code": code}).status_code == 200
    assert kept.call("DELETE", "/sessions").status_code == 204
    for phone in (kept, lost, relative):
        assert refused_at(phone) == {401}
    assert shut_out(desk)


def test_whoever_is_taken_off_the_roster_is_a_resident_at_once(build: Build) -> None:
    phone, desk = build.official(HANDLER), build.at_the_desk(HANDLER)
    assert phone.get("/cases").status_code == 200
    assert desk.get("/desk/").status_code == 200
    with build.app.app_context(), unit_of_work() as work:
        rows = read_roster((QINGYUAN / "roster.csv").read_bytes(), work.county)
        people.import_roster(work, [row for row in rows if row.phone != HANDLER])
    officials = [(m, with_ids(a)) for m, a, who, _ in doors() if "handler" in who and "stranger" not in who]
    wrong = []
    for method, path in officials:
        if path.startswith("/desk") or path.endswith("/session/role"):  # asked for with the form still empty
            continue
        headers = {"Authorization": f"Bearer {phone.token}", "Idempotency-Key": uuid.uuid4().hex, "If-Match": "1"}
        answer = phone.client.open(path, method=method, json={} if method != "GET" else None, headers=headers)
        if answer.status_code not in (401, 403, 404):
            wrong.append((method, path, answer.status_code, answer.json))
    assert not wrong
    assert phone.get("/session").json["role"] == "resident"
    assert shut_out(desk)


def test_an_action_takes_nothing_from_the_form_but_what_it_is_for(build: Build) -> None:
    """A handler accepts, and fills in besides all that other actions ask for."""
    case_id, handler = build.case("assigned")
    before = handler.get(f"/cases/{case_id}").json
    greedy: dict[str, Any] = {
        "unit": "530199001", "assisting": ["530199-water"], "rectify_by": "2027-01-01", "severity": "minor",
        "handler": str(uuid.uuid4()), "target": str(uuid.uuid4()), "risk_source": "FX-001", "forwarded_text": "改了",
    }  # fmt: skip
    done = handler.act(case_id, "accept", **greedy)
    assert done.status_code == 200, done.json
    after = done.json
    kept = ("lead_unit", "severity", "risk_source", "first_rectify_by", "number", "category")
    assert {name: after.get(name) for name in kept} == {name: before.get(name) for name in kept}
    assert [one["unit"] for one in after["assignments"]] == [HERE]
    assert after["reports"][0]["text"] == before["reports"][0]["text"]
    rectify = [clock["due_at"] for clock in after["clocks"] if clock["kind"] == "rectify"]
    assert rectify == [clock["due_at"] for clock in before["clocks"] if clock["kind"] == "rectify"]


@pytest.mark.parametrize(
    "field", ["id", "state", "case_id", "account_id", "source", "receipt_hash", "forward_released_at"]
)
def test_a_report_does_not_take_what_only_the_server_says(build: Build, field: str) -> None:
    resident = build.resident()
    form = build.form(resident, photos=[], category="fishing")
    answer = resident.post("/reports", form | {field: str(uuid.uuid4())})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)


def test_a_form_of_the_desk_takes_no_field_that_it_does_not_know(build: Build) -> None:
    desk = build.at_the_desk(OFFICE)
    assert desk.send("/desk/ledger/views", name="我的", query="", person_id=str(uuid.uuid4())).status_code == 422


def test_the_address_of_a_picture_shows_that_picture_alone_and_only_as_it_was_signed(build: Build) -> None:
    resident = build.resident()
    mine, other = build.photo(resident), build.photo(build.resident("other"))
    drain()
    address = resident.get(f"/photos/{mine['id']}", Photo_Claim=mine["claim"]).json["url"]
    assert requests.get(address, timeout=20).status_code == 200
    bare = address.partition("?")[0]
    tried = [
        bare,
        address.replace(mine["id"], other["id"]),
        address.replace("/display/", "/original/").replace(".jpg", ""),
        address.replace("X-Amz-Expires=900", "X-Amz-Expires=90000"),
        address[:-4] + "0000",
        f"{bare.rpartition('/display/')[0]}/?list-type=2",
    ]
    assert len({*tried, address}) == len(tried) + 1
    for one in tried:
        assert requests.get(one, timeout=20).status_code in (400, 403, 404), urlsplit(one).path
    for phone in (build.nobody(), resident, build.office()):
        shown = phone.get(f"/photos/{other['id']}", Photo_Claim=mine["claim"])
        assert (shown.status_code, shown.json["code"]) == (422, "unknown_photo")
