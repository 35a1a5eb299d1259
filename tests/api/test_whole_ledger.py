"""Whatever people do over HTTP leaves a ledger that the verification finds whole, every report bound to its chain."""

from __future__ import annotations

import uuid

from sqlalchemy import select

from backend.county import County
from backend.domain import verification
from backend.domain.actors import NOBODY
from backend.domain.verification import Known
from backend.extensions import db
from backend.jobs import drain
from backend.models import Finding, Report
from backend.work import reading
from tests.build import Build
from tests.walks import Sender


def verified() -> verification.Outcome:
    with reading(NOBODY) as work:
        outcome = verification.verify(work, Known())
    assert outcome.discrepancies == []
    assert outcome.notes == [], "no report is without its digest in the chain"
    return outcome


def test_residents_and_officials(build: Build) -> None:
    ming, nobody = build.resident("ming"), build.nobody()
    anonymous = build.report(nobody, privacy="anonymous", at="bank_left")
    code = anonymous["receipt_code"]
    supplement = {"text": "晚上排得更多"}
    assert nobody.post("/receipt/supplements", supplement, Receipt_Code=code).status_code == 201
    first = build.report(ming, contact_name="王小明", contact_phone="13812345678")
    second = build.report(build.resident("li"))
    office = build.office()
    merged = office.get(f"/cases?number={second['number']}").json["items"][0]
    assert merged["state"] == "merged"
    ming.post(f"/reports/{first['id']}/supplements", {"text": "又倒了一车"})
    assert office.act(merged["id"], "split", reason="不是同一处").status_code == 200
    case_id, handler = build.case("in_review", at="bank_right")
    assert office.act(case_id, "send_back", reason="还有残留").status_code == 200
    photo = build.photo(handler)
    assert handler.act(case_id, "request_closure", photos=[photo], done="再次清理").status_code == 200
    assert office.act(case_id, "close").status_code == 200
    drain()
    outcome = verified()
    assert (outcome.cases, outcome.events) == (4, sum(case["version"] for case in office.get("/cases").json["items"]))


def test_a_finding_of_a_patrol_is_bound_and_erased_with_its_own_words(build: Build, county: County) -> None:
    sender = Sender(build, county)
    walk, finding = sender.walk(), str(uuid.uuid4())
    lon, lat = walk.places[len(walk.places) // 2]
    form = {
        "category": "garbage", "lon": lon, "lat": lat, "coord_type": "wgs84", "text": "小明家门口有垃圾",
        "observed_at": walk.began_at.isoformat(), "photos": [build.photo(sender.phone)],
    }  # fmt: skip
    answer = sender.put(f"/{walk.id}/findings/{finding}", form)
    assert answer.status_code == 200, answer.json
    drain()
    verified()
    report_id = db.session.scalars(select(Report.id)).one()
    db.session.rollback()
    body = {"reason": "申请", "scope": "report"}
    assert build.office().post(f"/reports/{report_id}/erasure", body).status_code == 201
    verified()
    assert "小明" not in db.session.scalars(select(Finding.text)).one()
    db.session.rollback()


def test_a_letter_that_the_office_enters_is_bound_as_well(build: Build) -> None:
    letter = {
        "source": "inspection", "category": "garbage", "text": "省督察组发现河边堆放垃圾。", "township": "530199001",
        "number": "川河督〔2026〕12号",
    }  # fmt: skip
    assert build.office().post("/cases", letter).status_code == 201
    drain()
    assert verified().cases == 1
