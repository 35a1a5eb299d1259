"""Words of people against the salted digests that events hold of them; and whether what is gone was erased by law."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, text

from backend.domain import bindings, events
from backend.domain.discrepancies import Discrepancy, Outcome
from backend.models import CaseEvent
from backend.models.cases import number_of

if TYPE_CHECKING:
    from backend.work import Work

_ERASED = """
SELECT jsonb_array_elements_text(data->'{what}') AS id FROM case_events WHERE action = 'erase' AND data ? '{what}'
"""
# The words of an event, and those of a supplement: the database counts their digests, so that only faults come.
_WRONG = """
WITH erased AS (SELECT id FROM ({erased}) AS listed)
SELECT e.case_id, e.seq, e.action, e.at, c.opened_at, c.serial, w.text IS NULL OR w.salt IS NULL AS lost
FROM case_events e LEFT JOIN {table} w ON {join} LEFT JOIN cases c ON c.id = e.case_id
WHERE {digest} IS NOT NULL AND CASE
    WHEN w.erased_at IS NOT NULL THEN w.salt IS NOT NULL OR w.id::text NOT IN (SELECT id FROM erased)
    WHEN w.text IS NULL OR w.salt IS NULL THEN true
    ELSE {digest} <> encode(sha256(convert_to(w.salt, 'UTF8') || '\\x00' || convert_to(w.text, 'UTF8')), 'hex')
END
"""
_TEXTS = _WRONG.format(
    table="personal_texts", join="w.id = e.text_id", digest="e.text_digest", erased=_ERASED.format(what="texts")
)
_SUPPLEMENTS = _WRONG.format(
    table="supplements",
    join="w.id::text = e.data->>'supplement'",
    digest="CASE WHEN e.action = 'supplement' THEN e.data->>'digest' END",
    erased=_ERASED.format(what="supplements"),
)
_REPORTS = """
WITH bound AS (
    SELECT data->>'report' AS report, data->>'digest' AS digest, case_id, seq, action, at
    FROM case_events WHERE action = 'submit' AND data ? 'digest'
), erased AS (SELECT id FROM ({erased}) AS listed)
SELECT r.id, r.text, r.address, r.category, r.privacy, r.lon, r.lat, r.accuracy_m, r.coord_type, r.observed_at,
    r.submitted_at, r.salt, r.erased_at, b.digest, b.seq, b.action, b.at, coalesce(b.case_id, r.case_id) AS case_id,
    c.opened_at, c.serial, r.id::text IN (SELECT id FROM erased) AS recorded,
    (SELECT min(at) FROM bound) AS since
FROM reports r FULL JOIN bound b ON b.report = r.id::text
LEFT JOIN cases c ON c.id = coalesce(b.case_id, r.case_id)
""".format(erased=_ERASED.format(what="reports"))


def check(work: Work, outcome: Outcome, numbers: dict[str, str]) -> None:
    """Add to the outcome what is wrong with words. `numbers`: what roots call the cases."""
    held = select(func.count()).select_from(CaseEvent).where(CaseEvent.text_digest.is_not(None))
    outcome.texts = work.session.scalar(held) or 0
    for query, what in ((_TEXTS, "文字"), (_SUPPLEMENTS, "补充的内容")):
        for row in work.session.execute(text(query)):
            kind = "text_lost" if row.lost else "text"
            said = "没有依法删除的事件" if row.lost else f"{what}与事件中的摘要不符"
            outcome.discrepancies.append(Discrepancy(kind, _number(row, numbers), row.seq, said, row.action, row.at))
    outcome.discrepancies.extend(_reports(work, outcome, numbers))


def _number(row: Any, numbers: dict[str, str]) -> str:
    case_id = str(row.case_id)
    return numbers.get(case_id) or (number_of(row.opened_at, row.serial) if row.serial else case_id)


def _reports(work: Work, outcome: Outcome, numbers: dict[str, str]) -> Iterator[Discrepancy]:
    earlier, broken = 0, {one.number for one in outcome.discrepancies}
    for row in work.session.execute(text(_REPORTS), execution_options={"yield_per": 5000}):
        outcome.texts += 1
        if row.id and row.digest is None and (row.since is None or row.submitted_at < row.since):
            earlier += 1
            continue
        kind, said = _wrong(row)
        if kind == "unbound" and _number(row, numbers) in broken:
            continue  # the event that named it is gone, which was told already
        if kind:
            at: datetime | None = row.at or row.submitted_at
            yield Discrepancy(kind, _number(row, numbers), row.seq or 1, said, row.action or "", at)
    if earlier:
        outcome.notes.append(f"有 {earlier} 份举报早于本系统登记举报摘要的时候，它们的文字没有可核对的摘要。")


def _wrong(row: Any) -> tuple[str, str]:
    """What is wrong with a report, as a kind of discrepancy and in words; two empty texts for nothing."""
    if row.id is None:
        return "report_lost", "整份举报被删去"
    if row.digest is None:
        return "unbound", "没有哪条事件登记了它"
    if row.erased_at is not None or row.salt is None:
        return ("", "") if row.recorded and row.salt is None else ("report_lost", "没有依法删除的事件")
    if events.text_digest(row.salt, bindings.given(row)) != row.digest:
        return "report", "举报的文字、地点或时间与事件中的摘要不符"
    return "", ""
