"""Chiefs who are behind are reminded by hand: not twice within the hours of the rules, nor when nothing is owed."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from backend.county import County
from backend.jobs import drain
from backend.models import DutyReminder
from backend.work import unit_of_work
from tests.build import Build, phone_of
from tests.walks import Sender


@pytest.fixture
def sender(build: Build, county: County) -> Sender:
    return Sender(build, county)


def role_of(sender: Sender) -> str:
    return str(sender.phone.get("/duties/mine").json["items"][0]["role_id"])


def inbox(sender: Sender) -> list[dict[str, str]]:
    return [one for one in sender.phone.get("/notices").json["items"] if one["kind"] == "duty_reminder"]


def remind(build: Build, *role_ids: str, number: str | None = None) -> list[dict[str, object]]:
    caller = build.office() if number is None else build.official(number)
    answer = caller.post("/duties/reminders", {"role_ids": list(role_ids), "reason": "本周还没有巡河，请抓紧。"})
    assert answer.status_code == 201, answer.json
    items: list[dict[str, object]] = answer.json["items"]
    return items


def test_a_chief_is_told_what_is_owed_and_in_whose_words_and_it_is_on_record(build: Build, sender: Sender) -> None:
    [told] = remind(build, role_of(sender))
    assert told["reminded"] is True
    [notice] = inbox(sender)
    assert notice["title"] == "巡河提醒"
    assert notice["body"] == "6月1日至7日应巡1次，已巡0次，还差1次。县河长办提醒：本周还没有巡河，请抓紧。"
    with unit_of_work() as work:
        [kept] = work.session.scalars(select(DutyReminder))
        assert (kept.needed, kept.done, kept.per, kept.by_role) == (1, 0, "week", "office")


def test_the_same_chief_is_reminded_again_only_after_the_hours_of_the_rules(build: Build, sender: Sender) -> None:
    role = role_of(sender)
    remind(build, role)
    build.clock.move(hours=23)
    [told] = remind(build, role)
    assert (told["reminded"], told["code"]) == (False, "reminded_lately")
    assert "24小时内不重复提醒" in str(told["title"])
    build.clock.move(hours=1)
    assert remind(build, role)[0]["reminded"] is True
    sender.sign_in()
    assert len(inbox(sender)) == 2


def test_who_has_done_it_is_left_in_peace_and_the_others_are_reminded_all_the_same(
    build: Build, sender: Sender
) -> None:
    done = role_of(sender)
    sender.send(sender.walk())
    drain()
    lacking = next(one["role_id"] for one in build.office().get("/duties").json["items"] if not one["fulfilled"])
    told = {str(one["role_id"]): one["code"] for one in remind(build, done, lacking)}
    assert told == {done: "nothing_owed", lacking: None}
    assert inbox(sender) == []


def test_a_township_reminds_its_own_chiefs_alone_and_a_village_chief_nobody(build: Build, sender: Sender) -> None:
    role = role_of(sender)
    other = next(
        one["unit"]
        for one in build.office().get("/duties").json["items"]
        if one["role"] == "village_chief" and one["unit"] != sender.chief.unit
    )
    assert remind(build, role, number=phone_of(other))[0]["code"] == "unknown_chief"
    assert remind(build, role, number=phone_of(sender.chief.unit))[0]["reminded"] is True
    refused = sender.phone.post("/duties/reminders", {"role_ids": [role], "reason": "快去"})
    assert (refused.status_code, refused.json["code"]) == (403, "not_yours_to_do")


def test_words_are_wanted_and_a_repeat_reminds_once(build: Build, sender: Sender) -> None:
    role, office = role_of(sender), build.office()
    blank = office.post("/duties/reminders", {"role_ids": [role], "reason": "　"})
    assert blank.status_code == 422, blank.json
    form = {"role_ids": [role], "reason": "请巡河。"}
    answers = [office.post("/duties/reminders", form, Idempotency_Key="one-and-the-same") for _ in range(2)]
    assert [answer.json["items"][0]["reminded"] for answer in answers] == [True, True]
    assert len(inbox(sender)) == 1
