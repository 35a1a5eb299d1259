"""The reporter's side over HTTP: with an account, through a receipt, and together with others."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from backend.jobs import drain
from tests.build import POINTS, Build, Phone, phone_of

LEAD = POINTS["inside_township"]["lead"]


class Reporter:
    """Somebody who follows a report: by account, or by a receipt code alone."""

    def __init__(self, phone: Phone, report: dict[str, Any], anonymous: bool) -> None:
        self.phone, self.code = phone, report["receipt_code"]
        self.path = "/receipt" if anonymous else f"/reports/{report['id']}"

    @property
    def _headers(self) -> dict[str, str]:
        return {"Receipt_Code": self.code} if self.path == "/receipt" else {}

    def read(self) -> dict[str, Any]:
        shown: dict[str, Any] = self.phone.get(self.path, **self._headers).json
        return shown

    def post(self, what: str, key: str | None = None, **form: Any) -> TestResponse:
        headers = self._headers | ({"Idempotency_Key": key} if key else {})
        return self.phone.post(f"{self.path}/{what}", form, **headers)

    def rate(self, stars: int, text: str = "") -> TestResponse:
        return self.phone.call("PUT", f"{self.path}/rating", {"stars": stars, "text": text}, **self._headers)

    def words(self) -> list[str]:
        return [step["words"] for step in self.read()["steps"]]


def reporter(build: Build, way: str, user: str = "resident", **changes: Any) -> Reporter:
    anonymous = way == "anonymous"
    phone = build.nobody() if anonymous else build.resident(user)
    return Reporter(phone, build.report(phone, privacy=way, **changes), anonymous)


def newest(office: Phone) -> str:
    found: str = office.get("/cases?limit=1").json["items"][0]["id"]
    return found


def refused(answer: TestResponse, status: int, code: str) -> None:
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.json


def close(build: Build, case_id: str) -> None:
    office = build.office()
    township = build.official(phone_of(LEAD))
    township.act(case_id, "accept")
    township.act(case_id, "start", measure="清运", person="李四", date="2026-06-05")
    township.act(case_id, "request_closure", done="已清运", photos=[build.photo(township)])
    assert office.act(case_id, "close").status_code == 200
    drain()


@pytest.mark.parametrize("way", ["named", "confidential", "anonymous"])
def test_whoever_reports_follows_adds_disputes_and_rates(build: Build, way: str) -> None:
    one, office = reporter(build, way), build.office()
    case_id = newest(office)
    township = build.official(phone_of(LEAD))
    assert one.read()["standing"] == "等待翠屏乡签收，应在2026年6月8日 23:59前整改完成。"
    assert set(one.read()["allowed_actions"]) == {"supplement", "withdraw"}

    added = one.post("supplements", text="又来了一车。", photos=[build.photo(one.phone)])
    assert added.status_code == 201, added.json
    assert [(entry["text"], len(entry["photos"])) for entry in added.json["supplements"]] == [("又来了一车。", 1)]
    assert len(added.json["photos"]) == 1  # those of the report itself
    drain()
    assert township.get("/notices").json["items"][0]["title"] == "举报人补充了情况"
    (seen,) = township.get(f"/cases/{case_id}").json["reports"]
    assert [(entry["text"], len(entry["photos"]), entry["released"]) for entry in seen["supplements"]] == [
        ("又来了一车。", 1, True)
    ]

    refused(one.rate(5), 409, "wrong_state")
    refused(one.post("dispute", reason="没清干净。"), 409, "wrong_state")
    close(build, case_id)
    assert one.read()["standing"].startswith("已办结。问题没有解决的，可以在2026年6月15日")
    assert one.rate(2, "慢").json["rating"] == 2
    assert one.rate(3, "还行").json["rating"] == 3
    disputed = one.post("dispute", key="dispute-key-1", reason="没清干净。")
    assert (disputed.status_code, disputed.json["state"]) == (200, "closed")
    assert one.post("dispute", key="dispute-key-1", reason="没清干净。").status_code == 200  # the same, sent again
    refused(one.post("dispute", reason="真的没清。"), 409, "disputed_before")
    assert one.words()[-4:] == [
        "核查通过，已办结。",
        "您作了评价。",
        "您作了评价。",
        "您对办理结果提出了异议，县里将回头看。",
    ]
    actions = [event["action"] for event in office.get(f"/cases/{case_id}/events").json["items"]]
    assert actions[-4:] == ["close", "rate", "rate", "dispute"]
    refused(one.rate(6), 422, "invalid_input")


@pytest.mark.parametrize("way", ["named", "anonymous"])
def test_whoever_reports_appeals_a_rejection(build: Build, way: str) -> None:
    one, office = reporter(build, way), build.office()
    assert office.act(newest(office), "reject", reason="不属河湖问题。").status_code == 200
    assert one.read()["standing"].startswith("未予受理。有不同意见的，可以在2026年6月8日")
    assert set(one.read()["allowed_actions"]) == {"supplement", "appeal"}
    assert one.post("supplements", text="就在河堤上。").status_code == 201
    assert one.post("appeal", reason="就在河堤上。").json["state"] == "triage"
    assert one.words()[-1] == "您提出了申诉，县河长办正在复核。"


@pytest.mark.parametrize("way", ["named", "anonymous"])
def test_a_report_is_withdrawn_and_the_case_goes_on(build: Build, way: str) -> None:
    one, office = reporter(build, way), build.office()
    case_id, township = newest(office), build.official(phone_of(LEAD))
    gone = one.post("withdrawal", reason="不想再管了。")
    assert gone.status_code == 200, gone.json
    assert gone.json["withdrawn_at"] is not None
    assert gone.json["allowed_actions"] == []
    assert gone.json["standing"].startswith("您已撤回举报。等待翠屏乡签收")
    refused(one.post("withdrawal"), 409, "withdrawn")
    refused(one.post("supplements", text="还有。"), 409, "withdrawn")
    drain()
    assert township.get("/notices").json["items"][0]["title"] == "举报人撤回举报"
    shown = township.get(f"/cases/{case_id}").json
    assert (shown["state"], shown["reports"][0]["withdrawn_at"] is not None) == ("assigned", True)
    before = len(one.phone.get("/notices").json["items"]) if way == "named" else 0
    close(build, case_id)
    if way == "named":  # whoever withdrew is left alone
        assert len(one.phone.get("/notices").json["items"]) == before
    refused(one.rate(5), 409, "withdrawn")


def test_two_who_reported_the_same_thing_each_have_their_own_say(build: Build) -> None:
    first, second = reporter(build, "named", "a"), reporter(build, "anonymous")
    office = build.office()
    assert first.read()["number"] == second.read()["number"]
    case_id = next(case["id"] for case in office.get("/cases").json["items"] if case["state"] == "assigned")
    close(build, case_id)
    assert second.words()[1] == "与同一问题合并办理。"
    assert second.words()[-1] == first.words()[-1] == "核查通过，已办结。"
    assert first.post("dispute", reason="没清干净。").status_code == 200
    assert "dispute" in second.read()["allowed_actions"]
    assert second.words()[-1] == "有举报人对办理结果提出异议，县里将回头看。"
    assert second.post("dispute", reason="臭味还在。").status_code == 200
    assert (first.rate(1).status_code, second.rate(5).status_code) == (200, 200)
    assert (first.read()["rating"], second.read()["rating"]) == (1, 5)


def test_only_the_reporter_whose_report_was_merged_is_told_of_the_merge(build: Build) -> None:
    first, second = reporter(build, "named", "a"), reporter(build, "named", "b")
    drain()
    merged = [
        "您的举报已并案" in [notice["title"] for notice in one.phone.get("/notices").json["items"]]
        for one in (first, second)
    ]
    assert merged == [False, True]


def test_after_a_split_each_keeps_their_own(build: Build) -> None:
    first, second = reporter(build, "named", "a"), reporter(build, "named", "b")
    office = build.office()
    second.post("supplements", text="在桥的另一边。")
    merged = next(case["id"] for case in office.get("/cases").json["items"] if case["state"] == "merged")
    assert office.act(merged, "split", reason="不是同一处。").status_code == 200
    assert (len(first.read()["supplements"]), len(second.read()["supplements"])) == (0, 1)
    assert second.words()[-1] == "重新单独办理，县河长办正在核对。"
    assert first.words()[-1] == "已交由翠屏乡办理。"
    first_case = next(case["id"] for case in office.get("/cases").json["items"] if case["state"] == "assigned")
    close(build, first_case)
    assert first.post("dispute", reason="没清干净。").status_code == 200
    refused(second.post("dispute", reason="没清干净。"), 409, "wrong_state")


def test_words_of_an_anonymous_reporter_in_a_sensitive_kind_go_through_the_office(build: Build) -> None:
    one = reporter(build, "anonymous", category="illegal_discharge", photos=_two(build))
    office, township = build.office(), build.official(phone_of(LEAD))
    case_id = newest(office)
    office.act(case_id, "assign", unit=LEAD, reason="属地。")
    one.post("supplements", text="排口在厂东门旁边，我就住对面。", photos=[build.photo(one.phone)])
    drain()
    assert office.get("/notices").json["items"][0]["title"] == "举报人补充了情况"
    assert township.get(f"/cases/{case_id}").json["reports"][0]["supplements"] == []
    assert len(township.get(f"/cases/{case_id}").json["reports"][0]["photos"]) == 2
    (waiting,) = office.get(f"/cases/{case_id}").json["reports"][0]["supplements"]
    assert (waiting["text"], waiting["released"]) == ("排口在厂东门旁边，我就住对面。", False)
    assert "forward" in {row["action"] for row in office.get(f"/cases/{case_id}").json["allowed_actions"]}
    done = office.act(case_id, "forward", supplement=waiting["id"], forwarded_text="厂东门旁有排口。")
    assert done.status_code == 200, done.json
    (read,) = township.get(f"/cases/{case_id}").json["reports"][0]["supplements"]
    assert (read["text"], len(read["photos"])) == ("厂东门旁有排口。", 1)
    assert one.read()["supplements"][0]["text"] == "排口在厂东门旁边，我就住对面。"
    drain()
    assert township.get("/notices").json["items"][0]["title"] == "举报人补充了情况"

    close(build, case_id)
    one.post("dispute", reason="我看见晚上还在排。")
    texts = [phone.get(f"/cases/{case_id}/events").json["items"][-1]["text"] for phone in (office, township)]
    assert texts == ["我看见晚上还在排。", "（由县河长办审核后转告）"]


def _two(build: Build) -> list[dict[str, str]]:
    phone = build.nobody()
    return [build.photo(phone), build.photo(phone)]


def test_nobody_acts_on_the_report_of_another(build: Build) -> None:
    one = reporter(build, "named", "a")
    other = Reporter(build.resident("b"), {"receipt_code": "", "id": one.path.rpartition("/")[2]}, False)
    for what, form in (
        ("supplements", {"text": "x"}), ("dispute", {"reason": "x"}), ("appeal", {"reason": "x"}), ("withdrawal", {}),
    ):  # fmt: skip
        assert other.post(what, **form).status_code == 404
    assert other.rate(5).status_code == 404


def test_an_official_who_reported_something_as_a_resident_acts_on_it_as_one(build: Build) -> None:
    """The township's own handler reported, and disputes the closure; as the reporter, not in the office held."""
    phone = build.official(phone_of(LEAD))
    one = Reporter(phone, build.report(phone), False)
    office = build.office()
    case_id = newest(office)
    close(build, case_id)
    assert one.post("dispute", reason="没清干净。").status_code == 200
    event = office.get(f"/cases/{case_id}/events").json["items"][-1]
    assert (event["action"], event["role"], event["unit"]) == ("dispute", "resident", None)
