"""Days and months at the edge of the calendar: whoever asks for the year 1 or 9999 is told so, at every endpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.build import Build, Phone

DAYS = ("0001-01-01", "0001-01-02", "1899-12-31", "2100-01-02", "9999-12-01", "9999-12-31")
MONTHS = (
    "0001-01", "0001-12", "1999-12", "2100-01", "9999-01", "9999-12", "0000-01", "2026-00", "2026-13", "2026-6",
    "2026-W23", "2026", "20266", "２０２６-06", "2026-06-", "-",
)  # fmt: skip
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def refused(answer: Any) -> None:
    assert 400 <= answer.status_code < 500, (answer.request.path, answer.status_code)
    assert CHINESE.search(answer.json["title"]), answer.json


def dated(spec: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Every GET that asks for days: its path and its parameters that are days."""
    for path, methods in spec["paths"].items():
        asked = [one for one in methods.get("get", {}).get("parameters", []) if one["in"] == "query"]
        days = [one["name"] for one in asked if '"format": "date"' in str(one["schema"]).replace("'", '"')]
        if days and "{" not in path:
            yield path.removeprefix("/api/v1"), days


def test_no_list_takes_a_day_that_no_calendar_here_has(build: Build) -> None:
    office = build.office()
    found = list(dated(office.get("/openapi.json").json))
    named = {path for path, _ in found}
    assert {"/cases", "/cases/export", "/duties/completion", "/duties/summary", "/duties/completion.xlsx",
            "/patrols", "/patrols/export.zip", "/supervisions", "/follow-up-draws"} <= named  # fmt: skip
    for path, days in found:
        for day in DAYS:
            for asked in days:
                others = "&".join(f"{one}=2026-06-01" for one in days if one != asked)
                answer = office.get(f"{path}?{asked}={day}&{others}")
                refused(answer)
                assert answer.status_code == 422


@pytest.mark.parametrize("month", MONTHS)
def test_no_assessment_takes_a_month_that_is_none(build: Build, month: str) -> None:
    office: Phone = build.office()
    for path in ("", "/summons", "/scores.xlsx", "/scores/unit:530199001"):
        refused(office.get(f"/assessments/{month}{path}"))
    refused(office.post(f"/assessments/{month}/publish"))
    refused(office.post(f"/assessments/{month}/corrections", {"subject": "unit:530199001", "reason": "更正"}))


def test_a_month_before_the_rules_or_ahead_is_told_apart(build: Build) -> None:
    office = build.office()
    for month, code in (
        ("2026-05", "month_before_rules"),
        ("2000-01", "month_before_rules"),
        ("2026-07", "month_ahead"),
    ):
        for path in ("", "/summons", "/scores.xlsx"):
            answer = office.get(f"/assessments/{month}{path}")
            assert (answer.status_code, answer.json["code"]) == (422, code)
            refused(answer)
        answer = office.post(f"/assessments/{month}/publish")
        assert (answer.status_code, answer.json["code"]) == (422, code)
