"""The scheduler process: `python -m backend.schedule`. Run exactly one; RQ's cron has no lock."""

from __future__ import annotations

import time

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq.cron import CronScheduler

from backend import jobs, logs
from backend.queue import QUEUE
from backend.settings import load_settings

log = structlog.get_logger()

SWEEP_S = 10
ORPHANS_S = 3600
TALLIES_S = 600
SILENT_PATROLS_S = 600
PUSH_S = 30
DUTIES_S = 3600
ROOTS_S = 600  # the first of each hour makes the hour's root
HOURLY_S = 3600
RETENTION_S = 6 * 3600
_AGAIN_S = 2


def main() -> None:
    logs.configure()
    url = load_settings().redis_url
    while True:  # until it is told to stop: Redis may be away for longer than RQ's cron has patience
        try:
            redis = Redis.from_url(url)
            redis.ping()
            scheduler = CronScheduler(connection=redis, logging_level="WARNING")
            scheduler.register(jobs.sweep, QUEUE, interval=SWEEP_S, result_ttl=0, ttl=SWEEP_S)
            scheduler.register(jobs.defer_orphan_removal, QUEUE, interval=ORPHANS_S, result_ttl=0)
            scheduler.register(jobs.defer_tally_folding, QUEUE, interval=TALLIES_S, result_ttl=0)
            scheduler.register(jobs.defer_finishing_patrols, QUEUE, interval=SILENT_PATROLS_S, result_ttl=0)
            scheduler.register(jobs.defer_duty_warnings, QUEUE, interval=DUTIES_S, result_ttl=0)
            scheduler.register(jobs.defer_pushing, QUEUE, interval=PUSH_S, result_ttl=0, ttl=PUSH_S)
            scheduler.register(jobs.defer_root_making, QUEUE, interval=ROOTS_S, result_ttl=0)
            scheduler.register(jobs.defer_hourly_rounds, QUEUE, interval=HOURLY_S, result_ttl=0)
            scheduler.register(jobs.defer_retention, QUEUE, interval=RETENTION_S, result_ttl=0)
            scheduler.start()
            return
        except RedisError as error:
            log.warning("scheduler_waits_for_redis", error=type(error).__name__)
            time.sleep(_AGAIN_S)


if __name__ == "__main__":
    main()
