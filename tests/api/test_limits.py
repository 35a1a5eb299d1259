"""Limits that protect: floods and guessing are stopped, plainly; without Redis reports are still taken in."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from redis import Redis
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from backend.clients import redis_server
from backend.limiter import Limiter, network_of
from backend.settings import Settings
from tests.build import Build, Phone
from tests.looking import is_a_plain_refusal, rows, sql

Set = Callable[..., None]


@pytest.fixture
def limits(build: Build, monkeypatch: pytest.MonkeyPatch) -> Set:
    """Set limits by name; `redis` is another Redis than the tests'."""
    system = build.app.extensions["qinghe"]

    def set_to(redis: Redis | None = None, **named: str) -> None:
        settings: Settings = system.settings.model_copy(
            update={f"limit_{name}": value for name, value in named.items()}
        )
        monkeypatch.setattr(system, "limiter", Limiter(settings, redis or system.redis))

    return set_to


def is_a_pause(answer: TestResponse, words: str, within_s: int) -> None:
    is_a_plain_refusal(answer, 429, "too_many_requests")
    assert 1 <= int(answer.headers["Retry-After"]) <= within_s
    assert answer.json["retry_after"] == int(answer.headers["Retry-After"])
    assert answer.json["title"].startswith(words)
    assert "后再试" in answer.json["title"]


def nowhere() -> Redis:
    return redis_server.connect("redis://127.0.0.1:9")


def at(phone: Phone, address: str) -> Phone:
    """The same phone on another network."""
    client = phone.client.application.test_client()
    client.environ_base["REMOTE_ADDR"] = address
    return Phone(client, phone.token)


def test_an_account_that_floods_waits_and_its_neighbours_do_not(build: Build, limits: Set) -> None:
    limits(report="2/hour")
    flood, neighbour = build.resident("flood"), build.resident("neighbour")
    form = build.form(flood, photos=[], category="fishing")
    assert [flood.post("/reports", form).status_code for _ in range(2)] == [201, 201]
    before = rows(build.app)
    is_a_pause(flood.post("/reports", form), "您提交得太频繁，请 ", 3600)
    is_a_pause(at(flood, "192.0.2.7").post("/reports", form), "您提交得太频繁，请 ", 3600)  # wherever it goes
    assert rows(build.app) == before
    assert neighbour.post("/reports", form).status_code == 201
    assert flood.post("/reports", form | {"privacy": "anonymous"}).status_code == 201  # counted elsewhere


def test_a_repeated_post_is_no_second_report(build: Build, limits: Set) -> None:
    limits(report="1/hour")
    resident, key = build.resident(), uuid.uuid4().hex
    form = build.form(resident, photos=[], category="fishing")
    for _ in range(5):  # as a phone with a bad network does
        assert resident.post("/reports", form, Idempotency_Key=key).status_code == 201
    assert resident.post("/reports", form).status_code == 429


def test_what_was_not_taken_in_for_its_faults_can_be_mended_at_once(build: Build, limits: Set) -> None:
    limits(report="1/hour")
    resident = build.resident()
    form = build.form(resident, photos=[], category="fishing")
    for _ in range(3):
        assert resident.post("/reports", form | {"privacy": "?"}).status_code == 422
    assert resident.post("/reports", form).status_code == 201


def test_anonymous_reports_are_counted_by_an_address_that_nobody_can_read_back(build: Build, limits: Set) -> None:
    limits(report_anonymous="2/hour")
    signed_in, nobody = build.resident(), build.nobody()
    form = build.form(nobody, photos=[], category="fishing", privacy="anonymous")
    assert at(signed_in, "198.51.100.9").post("/reports", form).status_code == 201
    assert at(nobody, "198.51.100.9").post("/reports", form).status_code == 201
    is_a_pause(at(nobody, "198.51.100.9").post("/reports", form), "这个网络提交得太频繁，请 ", 3600)
    assert at(nobody, "198.51.100.10").post("/reports", form).status_code == 201
    redis = build.app.extensions["qinghe"].redis
    keys = [key.decode() for key in redis.scan_iter("*report_anonymous*")]
    account = str(sql(build.app, "SELECT id FROM accounts")[0]["id"])
    assert len(keys) == 2
    for key in keys:
        assert "198.51.100" not in key
        assert account not in key
        assert 0 < redis.ttl(key) <= 3600  # kept no longer than it counts
    build.clock.move(days=1)
    assert at(nobody, "198.51.100.9").post("/reports", form).status_code == 201  # another day, another digest


def test_a_binding_code_cannot_be_guessed(build: Build) -> None:
    """With the numbers as they are: the account is stopped, a right code given in the meantime included."""
    office, guesser = build.office(), build.resident("guesser")
    person = next(one for one in office.get("/roster?limit=100").json["items"] if not one["bound"])
    code = office.post(f"/roster/{person['id']}/binding-code").json["code"]
    tried = [guesser.post("/session/binding-code", {"code": f"{n:08d}"}) for n in range(5)]
    assert {answer.json["code"] for answer in tried} == {"bad_binding_code"}
    is_a_pause(guesser.post("/session/binding-code", {"code": code}), "绑定码输错太多次，请 ", 900)
    again = build.resident("guesser")  # signing in anew, or from elsewhere, does not help
    is_a_pause(at(again, "192.0.2.1").post("/session/binding-code", {"code": code}), "绑定码输错太多次，请 ", 900)
    assert guesser.get("/session").json["role"] == "resident"
    assert build.resident("honest").post("/session/binding-code", {"code": code}).status_code == 200


def test_many_accounts_behind_one_address_do_not_guess_either(build: Build, limits: Set) -> None:
    limits(binding_address="3/hour")
    answers = [
        at(build.resident(f"guesser-{n}"), "192.0.2.5").post("/session/binding-code", {"code": f"{n:08d}"})
        for n in range(4)
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 429]


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("sign_in", lambda phone: phone.post("/session", {"code": "made-up"})),
        ("upload", lambda phone: phone.post("/photos", {})),
        ("receipt", lambda phone: phone.get("/receipt", Receipt_Code="AAAA-AAAA-AAAA-AAAA")),
        ("receipt", lambda phone: phone.post("/receipt/supplements", {"text": "x"}, Receipt_Code="AAAA")),
    ],
)
def test_calls_without_an_account_are_counted_by_address(
    build: Build, limits: Set, name: str, call: Callable[[Phone], TestResponse]
) -> None:
    limits(**{name: "2/minute"})
    nobody = build.nobody()
    assert 429 not in [call(nobody).status_code for _ in range(2)]
    is_a_pause(call(nobody), "操作太频繁，请 ", 60)
    assert call(at(nobody, "192.0.2.8")).status_code != 429


def test_words_added_are_counted_too(build: Build, limits: Set) -> None:
    limits(supplement="1/hour")
    resident = build.resident()
    report = resident.post("/reports", build.form(resident, photos=[], category="fishing")).json
    path = f"/reports/{report['id']}/supplements"
    assert [resident.post(path, {"text": "补充"}).status_code for _ in range(2)] == [201, 429]


def test_without_redis_reports_are_taken_in_and_the_log_says_that_nobody_counts(build: Build, limits: Set) -> None:
    limits(redis=nowhere(), report="1/hour", report_anonymous="1/hour", upload="1/hour")
    with capture_logs() as logs:
        resident = build.resident()
        for _ in range(2):
            form = build.form(resident)
            assert resident.post("/reports", form).status_code == 201
            assert resident.post("/reports", form | {"photos": [], "category": "fishing", "privacy": "anonymous"})
    told = [line for line in logs if line["event"] == "limits_not_counted"]
    assert told
    assert told[0]["log_level"] == "warning"


def test_without_redis_no_binding_code_is_tried_uncounted(build: Build, limits: Set) -> None:
    guesser = build.resident()
    limits(redis=nowhere())
    for _ in range(2):
        answer = guesser.post("/session/binding-code", {"code": "00000000"})
        is_a_plain_refusal(answer, 503, "temporarily_unavailable")
        assert answer.headers["Retry-After"]


def test_an_empty_limit_is_none(build: Build, limits: Set) -> None:
    limits(upload="")
    nobody = build.nobody()
    assert {nobody.post("/photos", {}).status_code for _ in range(5)} == {201}


def test_one_network_is_one_address(build: Build) -> None:
    assert network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9")
    assert network_of("2001:db8:1:2::1") != network_of("2001:db8:1:3::1")
    assert network_of(None) == network_of("garbage") == "unknown"
