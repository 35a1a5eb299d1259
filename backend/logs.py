"""Structured logs: one JSON object per line, with the request id that follows a report through the workers."""

from __future__ import annotations

import logging

import structlog


def configure() -> None:
    # At DEBUG Pillow writes down each tag of a photo's EXIF: who took it, with what, where. At no level of ours.
    logging.getLogger("PIL").setLevel(logging.INFO)
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
