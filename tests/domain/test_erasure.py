"""Lawful erasure: what is gone, what stays, and that the ledger is still whole."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import func, select, text

from backend.domain import erasure, identity, verification
from backend.domain.actors import Actor
from backend.domain.faults import Conflict, Fault, NotFound
from backend.domain.verification import Known
from backend.domain.words import ERASED
from backend.models import (
    Account,
    Case,
    CaseEvent,
    CaseWords,
    Consent,
    Deferred,
    Notice,
    PersonalText,
    Photo,
    Report,
    SignIn,
    Supplement,
)
from backend.vault import Unopenable
from backend.work import Work
from tests.domain.ledger import LEAD, OFFICE, account, act, case_in, photo, report_of, reporter_of, undone

SECRET = "我叫王小明，厂里半夜排黑水"
CONTACT = {"contact_name": "王小明", "contact_phone": "13812345678"}


@pytest.fixture
def work(app: APIFlask, clean: None) -> Iterator[Work]:
    with undone(app) as found:
        found.actor = OFFICE
        yield found


def reported(work: Work, **changes: Any) -> Report:
    """A case closed and disputed, with words of the reporter wherever they can be."""
    case = case_in(work, "closed", text=SECRET, address="小明家门口", photos=(photo(work),), **CONTACT, **changes)
    report = report_of(work, case)
    for action, form in (
        ("supplement", {"text": "昨夜小明又看见了"}),
        ("rate", {"stars": 2, "note": "小明不满意"}),
        ("dispute", {"reason": "小明说没有清理"}),
    ):
        act(work, case, reporter_of(report), action, **form)
    return report


def everything(work: Work) -> str:
    """All rows of all tables, as text."""
    rows = (
        work.session.scalar(text(f"SELECT coalesce(jsonb_agg(t), '[]')::text FROM {name} t"))
        for name in Case.metadata.tables
    )
    return "\n".join(map(str, rows))


def verified(work: Work) -> list[tuple[str, str]]:
    return [(one.kind, one.what) for one in verification.verify(work, Known()).discrepancies]


def words_of_case(work: Work, case_id: Any) -> CaseWords:
    return work.session.get_one(CaseWords, case_id, populate_existing=True)


def test_a_report_is_erased_from_everywhere_and_the_ledger_is_whole(work: Work) -> None:
    report = reported(work)
    case = work.session.get_one(Case, report.case_id)
    assert "小明" in everything(work)
    assert "小明" in words_of_case(work, case.id).office_text
    assert verified(work) == []
    version = case.version
    (done,) = erasure.erase(work, report.id, "申请编号 2026-017", "report")
    work.session.flush()
    assert (len(done.reports), len(done.supplements), len(done.texts), done.identity) == (1, 1, 2, True)
    left = everything(work)
    for trace in ("小明", "13812345678", "黑水", "家门口"):
        assert trace not in left
    assert report.account_id is None
    assert (report.text, report.forwarded_text, report.address) == (ERASED, ERASED, "")
    assert "黑水" not in words_of_case(work, case.id).office_text
    assert "黑水" not in "".join(words_of_case(work, case.id).office_pairs)
    assert verified(work) == []
    assert case.version == version + 1
    event = work.session.scalars(select(CaseEvent).where(CaseEvent.action == "erase")).one()
    assert event.data["report"] == str(report.id)
    assert work.session.get_one(PersonalText, event.text_id).text == "申请编号 2026-017"


def test_what_stays_is_the_case_with_its_place_its_events_and_the_officials_words(work: Work) -> None:
    report = reported(work)
    erasure.erase(work, report.id, "申请", "report")
    assert (report.lon, report.lat, report.category) == (102.719296, 25.205209, "garbage")
    told = select(CaseEvent.action, PersonalText.text).join(PersonalText, PersonalText.id == CaseEvent.text_id)
    kept = dict(work.session.execute(told.where(PersonalText.text.is_not(None))).all())  # type: ignore[arg-type]
    assert {"assign", "start", "request_closure", "erase"} == kept.keys()


def test_only_the_identity_goes_when_only_that_is_asked(work: Work) -> None:
    report = reported(work)
    (done,) = erasure.erase(work, report.id, "申请", "identity")
    assert (done.identity, done.reports, done.texts, done.supplements) == (True, [], [], [])
    assert (report.contact_sealed, report.account_id) == (None, None)
    assert report.text == SECRET
    assert verified(work) == []
    (more,) = erasure.erase(work, report.id, "又申请", "report")
    assert (more.identity, len(more.reports), len(more.texts)) == (False, 1, 2)
    assert verified(work) == []


def test_words_of_officials_go_when_the_office_names_the_events(work: Work) -> None:
    report = reported(work)
    assign = work.session.scalars(select(CaseEvent).where(CaseEvent.action == "assign")).one()
    accept = work.session.scalars(select(CaseEvent).where(CaseEvent.action == "accept")).one()
    with pytest.raises(Fault, match="no_words"):
        erasure.erase(work, report.id, "申请", "identity", seqs=[accept.seq])
    with pytest.raises(Fault, match="no_words"):
        erasure.erase(work, report.id, "申请", "identity", seqs=[99])
    (done,) = erasure.erase(work, report.id, "申请", "identity", seqs=[assign.seq])
    assert done.texts == [assign.text_id]
    assert verified(work) == []


def test_all_reports_of_a_reporter_go_together_and_nothing_is_left_of_the_account(work: Work) -> None:
    who = account(work)
    who.openid_sealed = work.vault.seal("openid-of-ming")
    mine = [reported(work, account_id=who.id) for _ in range(2)]
    other = reported(work)
    work.session.add(SignIn(account_id=who.id, token_hash="t", created_at=work.now, expires_at=work.now + timedelta(1)))
    work.session.add(Consent(account_id=who.id, template_id="T", remaining=1))
    work.session.add(Notice(key="k", account_id=who.id, kind="close", title="办结", body="小明", created_at=work.now))
    work.session.flush()
    digest = who.openid_digest
    done = erasure.erase(work, mine[0].id, "申请", "reporter")
    assert {one.report.id for one in done} == {report.id for report in mine}
    assert len({one.case.id for one in done}) == 2
    work.session.refresh(who)
    assert who.openid_digest != digest
    assert who.openid_sealed == ""
    assert work.session.scalar(select(func.count()).select_from(Consent)) == 0
    assert work.session.scalar(select(func.count()).select_from(Notice).where(Notice.account_id == who.id)) == 0
    signed_in = work.session.scalars(select(SignIn).where(SignIn.account_id == who.id)).one()
    work.session.refresh(signed_in)
    assert signed_in.ended_at == work.now
    assert (other.text, other.contact_sealed is None) == (SECRET, False), "another reporter's report is left alone"
    assert verified(work) == []


def test_an_officials_own_account_stays(work: Work) -> None:
    report = reported(work)
    who = work.session.get_one(Account, report.account_id)
    person = work.session.scalars(text("SELECT id FROM persons LIMIT 1")).one()
    who.person_id = person
    sealed = who.openid_sealed
    work.session.flush()
    erasure.erase(work, report.id, "申请", "reporter")
    assert (who.openid_sealed, report.account_id) == (sealed, None)


def test_a_report_that_was_merged_is_erased_in_the_case_it_is_in_now(work: Work) -> None:
    target = case_in(work, "rectifying")
    report = report_of(work, case_in(work, "assigned", text=SECRET, **CONTACT))
    source = work.session.get_one(Case, report.case_id)
    act(work, source, OFFICE, "merge", target=target.id, reason="同一问题")
    work.session.refresh(report)
    (done,) = erasure.erase(work, report.id, "申请", "report")
    assert done.case.id == target.id
    assert "黑水" not in words_of_case(work, target.id).office_text
    assert verified(work) == []


def test_photos_go_when_asked_and_their_files_are_deleted_by_a_job(work: Work) -> None:
    report = reported(work)
    taken = work.session.scalars(select(Photo).where(Photo.report_id == report.id)).one()
    taken.lon, taken.lat, taken.claimed_lon, taken.taken_at = 102.7, 25.2, 102.7, work.now
    (done,) = erasure.erase(work, report.id, "申请", "report", pictures=True)
    assert done.photos == [taken.id]
    assert (taken.state, taken.lon, taken.claimed_lon, taken.taken_at) == ("erased", None, None, None)
    assert taken.sha256 is not None, "a reused photo is still recognised"
    due = work.session.scalars(select(Deferred).where(Deferred.name == "remove_pictures")).one()
    assert due.args == [str(taken.id)]


def test_what_was_erased_is_not_erased_twice(work: Work) -> None:
    report = reported(work)
    erasure.erase(work, report.id, "申请", "report")
    before = work.session.get_one(Case, report.case_id).version
    for scope in ("identity", "report", "reporter"):
        with pytest.raises(Conflict, match="nothing_to_erase"):
            erasure.erase(work, report.id, "申请", scope)  # type: ignore[arg-type]
    assert work.session.get_one(Case, report.case_id).version == before


def test_no_erasure_without_a_reason_or_a_report(work: Work) -> None:
    report = reported(work)
    with pytest.raises(Fault, match="missing_field"):
        erasure.erase(work, report.id, " 　", "report")
    with pytest.raises(NotFound):
        erasure.erase(work, uuid.uuid4(), "申请", "report")


def test_the_erased_reporter_can_no_longer_be_looked_at(work: Work) -> None:
    report = reported(work, privacy="confidential")
    person = work.session.scalars(text("SELECT id FROM persons LIMIT 1")).one()
    work.actor = Actor(role="office", unit=LEAD, person_id=person)
    _, contact = identity.look(work, report.id, "核实情况")
    assert (contact.name, contact.phone) == ("王小明", "13812345678")
    erasure.erase(work, report.id, "申请", "identity")
    with pytest.raises(Conflict, match="identity_erased"):
        identity.look(work, report.id, "核实情况")
    assert [one.reason for one in identity.looks(work, report.id, None, 10)] == ["核实情况"], "the look stays on record"


def test_a_supplement_added_later_goes_with_a_second_erasure(work: Work) -> None:
    report = reported(work)
    erasure.erase(work, report.id, "申请", "report")
    act(work, work.session.get_one(Case, report.case_id), reporter_of(report), "supplement", text="小明还想说")
    work.actor = OFFICE
    (done,) = erasure.erase(work, report.id, "又申请", "report")
    assert (len(done.reports), len(done.supplements)) == (0, 1)
    assert work.session.scalars(select(Supplement.text).distinct()).all() == [ERASED]
    assert verified(work) == []


def test_an_unopenable_seal_is_told_apart(work: Work) -> None:
    with pytest.raises(Unopenable):
        work.vault.resealed("rubbish")
