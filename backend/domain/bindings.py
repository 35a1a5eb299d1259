"""What binds a report to the chain of its case: a salted digest of all that its reporter has given."""

from __future__ import annotations

import json
import secrets
from datetime import UTC
from typing import Any

from backend.domain.events import text_digest
from backend.models import Report


def bind(report: Report) -> dict[str, str]:
    """What the event that a report comes with has to hold, so that its words cannot be changed afterwards."""
    report.salt = secrets.token_hex(16)
    return {"report": str(report.id), "digest": text_digest(report.salt, given(report))}


def given(report: Any) -> str:
    """What a reporter has given and nobody changes, as one text: JSON, times in UTC. Of a Report, or its columns."""
    content = {
        "text": report.text,
        "address": report.address or "",
        "category": report.category,
        "privacy": report.privacy,
        "lon": float(report.lon),
        "lat": float(report.lat),
        "accuracy_m": None if report.accuracy_m is None else float(report.accuracy_m),
        "coord_type": report.coord_type,
        "observed_at": report.observed_at.astimezone(UTC).isoformat(),
        "submitted_at": report.submitted_at.astimezone(UTC).isoformat(),
    }
    return json.dumps(content, sort_keys=True, ensure_ascii=False)
