"""How often one account or one address may do what floods and guessing would do: counted in Redis.

The numbers are Settings `limit_<name>`, in the words of the `limits` library ("20/hour;60/day"); empty means no limit.
"""

from __future__ import annotations

import ipaddress
import math
import time
from typing import TYPE_CHECKING

import structlog
from limits import RateLimitItem, parse_many
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

from backend.domain.faults import TooMany

if TYPE_CHECKING:
    from redis import Redis

    from backend.settings import Settings

log = structlog.get_logger()

# What could be guessed is closed while nobody counts; everything else is taken in, and the log says so.
CLOSED_WITHOUT_REDIS = frozenset({"binding", "binding_address", "desk_password", "desk_scan"})
# After Redis was found away it is left alone for this long, so that not every request waits for it.
_REST_S = 5.0
_WORDS = {
    "report": "您提交得太频繁，请 {wait}后再试；情况紧急请直接拨打河长办电话。",
    "report_anonymous": "这个网络提交得太频繁，请 {wait}后再试；情况紧急请直接拨打河长办电话。",
    "desk_password": "密码输错太多次，请 {wait}后再试，或改用手机扫码登录。",
    "binding": "绑定码输错太多次，请 {wait}后再试，或向县河长办核对。",
}


class Limiter:
    """The limits of one installation. `spend` counts one use against every window of a limit."""

    def __init__(self, settings: Settings, redis: Redis) -> None:
        self._items: dict[str, list[RateLimitItem]] = {
            field.removeprefix("limit_"): parse_many(getattr(settings, field)) if getattr(settings, field) else []
            for field in type(settings).model_fields
            if field.startswith("limit_")
        }
        storage = RedisStorage("redis://", connection_pool=redis.connection_pool, key_prefix="qinghe:limit")
        self._windows = FixedWindowRateLimiter(storage)
        self._resting_until = 0.0

    def spend(self, name: str, key: str) -> None:
        """Count one use of `name` by `key`. Raises TooMany, which says when to come again.

        With Redis away: RedisError where guessing must not pass uncounted (CLOSED_WITHOUT_REDIS), else nothing.
        """
        closed = name in CLOSED_WITHOUT_REDIS
        if time.monotonic() < self._resting_until and not closed:
            return
        try:
            for item in self._items[name]:
                if not self._windows.hit(item, name, key):
                    self._refuse(name, item, key)
        except RedisError as error:
            self._resting_until = time.monotonic() + _REST_S
            log.warning("limits_not_counted", limit=name, closed=closed, error=type(error).__name__)
            if closed:
                raise

    def _refuse(self, name: str, item: RateLimitItem, key: str) -> None:
        ends_at = self._windows.get_window_stats(item, name, key).reset_time
        seconds = max(1, math.ceil(ends_at - time.time()))
        words = _WORDS.get(name, "操作太频繁，请 {wait}后再试。")
        raise TooMany("too_many_requests", words.format(wait=_wait(seconds)), retry_after=seconds)


def network_of(address: str | None) -> str:
    """What counts as one address: an IPv4 address, or the network of 64 bits that one IPv6 phone moves about in."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def _wait(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} 秒"
    return f"{math.ceil(seconds / 60)} 分钟" if seconds < 3600 else f"{math.ceil(seconds / 3600)} 小时"
