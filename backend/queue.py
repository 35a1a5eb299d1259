"""The doorbell: one RQ job that drains what is due. Losing it loses nothing, a sweep rings again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from redis import Redis
from rq import Queue

QUEUE = "qinghe"
# While a bell has been rung and not yet answered, ringing again would say nothing new.
_RUNG = "qinghe:bell"
_RUNG_S = 5
# Most rows take milliseconds; a file of the whole ledger takes minutes.
_LONGEST_S = 1800


def doorbell(redis: Redis) -> Callable[[], None]:
    """A function that rings: enqueues `backend.jobs.drain`, unless a bell is already waiting."""
    queue = Queue(QUEUE, connection=redis)

    def ring() -> None:
        if redis.set(_RUNG, 1, nx=True, ex=_RUNG_S):
            queue.enqueue("backend.jobs.drain", result_ttl=0, failure_ttl=86400, job_timeout=_LONGEST_S)

    return ring


def answered(redis: Redis) -> None:
    """The bell is being answered: whoever writes new work from now on rings again."""
    redis.delete(_RUNG)


def oldest_bell_s(redis: Redis, now: datetime) -> float:
    """For how many seconds the bell that is next in line has waited; 0 when none does."""
    for job in Queue(QUEUE, connection=redis).get_jobs(0, 1):
        if job.enqueued_at is not None:
            return max(0.0, (now - job.enqueued_at.replace(tzinfo=UTC)).total_seconds())
    return 0.0
