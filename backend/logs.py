"""Structured logs: one JSON object per line, with the request id that follows a report through the workers."""

from __future__ import annotations

import logging
import traceback

import structlog
from sqlalchemy.exc import DBAPIError


def configure() -> None:
    # At DEBUG Pillow writes down each tag of a photo's EXIF: who took it, with what, where. At no level of ours.
    logging.getLogger("PIL").setLevel(logging.INFO)
    # And urllib3 every address that is called, with WeChat's secret and tokens in its query.
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        cache_logger_on_first_use=False,
    )


def in_short(error: BaseException) -> str:
    """What of an exception may be written down. The database's own words quote the row: somebody's words, a digest."""
    if not isinstance(error, DBAPIError):
        return f"{type(error).__name__}: {error}"
    said = getattr(error.orig, "diag", None)
    parts = (getattr(said, name, None) for name in ("sqlstate", "table_name", "column_name", "constraint_name"))
    return " ".join([type(error.orig).__name__, *(part for part in parts if part)])


def where(error: BaseException) -> str:
    """The way to the line that failed, without what it was given."""
    return "".join(traceback.format_tb(error.__traceback__))
