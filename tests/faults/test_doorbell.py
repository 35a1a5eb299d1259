"""The database is the truth, the queue a doorbell: what is accepted is carried out, once, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import requests

from tests.faults.field import Field


def test_with_redis_stopped_a_report_is_taken_in_and_routed_once_redis_is_back(field: Field) -> None:
    field.system.kill("redis")
    report = field.report(1)
    assert report["state"] == "submitted"
    told = field.readiness()
    assert (told.status_code, told.json()["redis"], told.json()["database"]) == (200, False, True)
    field.system.restart("redis")
    field.until(lambda: field.is_assigned(report))


def test_a_worker_killed_in_mid_job_loses_nothing_and_does_nothing_twice(field: Field) -> None:
    field.system.terminate("worker-2")
    with field.connect() as blocker:
        # Routing looks for duplicates under this lock: with it held, the worker stands in the middle of its job.
        blocker.execute("select pg_advisory_lock(hashtext('duplicates other'))")
        report = field.report(3)
        field.until(field.waiting_for_a_lock)
        assert field.case_of(report)["state"] == "submitted"
        field.system.kill("worker-1", tree=True)
        assert not field.system.alive("worker-1")
    field.system.restart("worker-1")
    field.until(lambda: field.is_assigned(report))
    case = field.case_of(report)
    actions = [
        e["action"] for e in field.sql("select action from case_events where case_id = %s order by seq", case["id"])
    ]
    assert actions == ["submit", "assign"]
    assert len(field.sql("select 1 from assignments where case_id = %s and part = 'lead'", case["id"])) == 1
    row = field.sql(
        "select * from deferred where name = 'route_case' and args = jsonb_build_array(%s::text)", case["id"]
    )
    assert [(r["attempts"], r["gave_up_at"], r["last_error"]) for r in row] == [(2, None, None)]


def test_while_one_worker_is_stuck_another_goes_on(field: Field) -> None:
    with field.connect() as blocker:
        blocker.execute("select pg_advisory_lock(hashtext('duplicates other'))")
        stuck = field.report(4)
        field.until(field.waiting_for_a_lock)
        free = field.report(4, category="garbage")
        field.until(lambda: field.is_assigned(free))
        assert field.case_of(stuck)["state"] == "submitted"
    field.until(lambda: field.is_assigned(stuck))


def test_with_postgresql_down_every_answer_says_so_and_service_returns_by_itself(field: Field) -> None:
    form = field.form(5)
    field.system.kill("postgres", tree=True)
    answer = field.post("/reports", form)
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"]
    assert answer.json()["code"] == "temporarily_unavailable"
    assert answer.json()["title"].startswith("系统正忙或正在维护")
    told = field.readiness()
    assert told.status_code == 503
    assert told.json() == {"status": "degraded", "database": False, "redis": True, "storage": True}
    assert requests.get(f"{field.system.url}/healthz", timeout=30).status_code == 200
    assert requests.get(f"{field.system.url}/metrics", timeout=30).status_code == 503
    field.system.restart("postgres")
    assert field.readiness().json()["status"] == "ok"
    again = field.post("/reports", form)
    assert again.status_code == 201, again.text
    field.until(lambda: field.is_assigned(again.json()))


def test_with_object_storage_down_photos_are_verified_once_it_is_back(field: Field) -> None:
    for name in ("worker-1", "worker-2"):
        field.system.terminate(name)
    photo = field.photo()
    field.system.kill("s3", tree=True)
    told = field.readiness()
    assert (told.status_code, told.json()["storage"]) == (200, False)
    field.system.restart("worker-1")
    of_photo = "select * from deferred where name = 'verify_photo' and args = jsonb_build_array(%s::text)"
    field.until(lambda: field.sql(of_photo, photo["id"])[0]["last_error"])
    row = field.sql(of_photo, photo["id"])[0]
    assert row["last_error"].startswith("StorageUnavailable")
    assert row["done_at"] is None
    field.system.restart("s3")

    def seen() -> dict[str, str]:
        shown: dict[str, str] = requests.get(
            f"{field.api}/photos/{photo['id']}", headers={"Photo-Claim": photo["claim"]}, timeout=30
        ).json()
        return shown

    field.until(lambda: seen()["state"] == "sound")
    assert requests.get(seen()["thumbnail_url"], timeout=30).headers["Content-Type"] == "image/jpeg"


def test_a_web_server_told_to_end_finishes_the_request_in_hand(field: Field) -> None:
    form = field.form(6)
    web = field.system.pid("web")
    with ThreadPoolExecutor(1) as pool:
        with field.connect() as blocker, blocker.transaction():
            blocker.execute("lock table reports in exclusive mode")
            in_hand = pool.submit(field.post, "/reports", form)
            field.until(field.waiting_for_a_lock)
            os.kill(web, signal.SIGTERM)
            field.until(lambda: takes_no_more(field))
            assert not in_hand.done()
        answer = in_hand.result()
    assert answer.status_code == 201, answer.text
    field.until(lambda: field.system.pid("web") != web and field.system.alive("web"))
    field.system.wait_until_ready("web")
    field.until(lambda: field.is_assigned(answer.json()))


def takes_no_more(field: Field) -> bool:
    """Whether the web server refuses new connections, or leaves them unanswered."""
    try:
        requests.get(f"{field.system.url}/healthz", timeout=2)
    except (requests.ConnectionError, requests.Timeout):
        return True
    return False
