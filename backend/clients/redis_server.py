"""The connection to Redis: the queue, the counters of the limits, what is cached. Nothing in it is the truth."""

from __future__ import annotations

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

_ANSWER_S, _CONNECT_S = 5, 2


def connect(url: str) -> Redis:
    """A client of the server at `url`; it connects when it is first used.

    The library of itself tries ten times in four seconds. While Redis is away every request would wait for that at
    each count and each bell, until no thread is left; all that uses Redis here goes on without it, so that one more
    try is enough, for a connection that the server has closed meanwhile.
    """
    return Redis.from_url(
        url, socket_timeout=_ANSWER_S, socket_connect_timeout=_CONNECT_S, retry=Retry(NoBackoff(), retries=1)
    )
