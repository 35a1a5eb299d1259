"""Places outside the database that keep the ledger's roots: a bucket that does not let go, and a folder.

Both keep what they have: a name that is taken is never written again. An object lock protects versions, not names:
what somebody has put on top, or a mark of deletion, hides the first version but does not remove it, so that all
versions are read.
"""

from __future__ import annotations

import fcntl
import io
import os
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from minio.commonconfig import COMPLIANCE
from minio.datatypes import Object
from minio.error import S3Error
from minio.retention import Retention

from backend.clients.storage import EXISTS, client_for, wrapped
from backend.settings import Settings

log = structlog.get_logger()

_UNLOCKED = {"ObjectLockConfigurationNotFoundError", "NotImplemented"}


class RootDiffers(Exception):  # noqa: N818
    """Another root is kept under this name already: somebody has changed the database, or the place."""


class RootBucket:
    """A bucket of its own, with object lock where the server has it: nobody can delete a version before its time."""

    def __init__(self, settings: Settings) -> None:
        self.title = f"对象存储 {settings.s3_roots_bucket}"
        self._bucket = settings.s3_roots_bucket
        self._region = settings.s3_region
        self._keep = timedelta(days=settings.ledger_roots_keep_days)
        self._client = client_for(settings)

    def ensure(self) -> None:
        """Make the bucket when it is missing. A server without object lock is told of; it is better than nothing."""
        with wrapped(self._bucket):
            if self._client.bucket_exists(self._bucket):
                return
            for lock in (True, False):
                try:
                    self._client.make_bucket(self._bucket, location=self._region, object_lock=lock)
                    return
                except S3Error as error:
                    if error.code in EXISTS:  # another process was faster
                        return
                    if not lock:
                        raise
                    log.warning("object_lock_refused", bucket=self._bucket, code=error.code)

    def locked(self) -> bool:
        """Whether the bucket has object lock."""
        with wrapped(self._bucket):
            try:
                self._client.get_object_lock_config(self._bucket)
            except S3Error as error:
                if error.code in _UNLOCKED:
                    return False
                raise
        return True

    def put(self, name: str, data: bytes) -> None:
        """Keep it for the years that are set. Raises RootDiffers, or StorageUnavailable."""
        kept = [self._get(name, version) for version in self._contents(name).get(name, ())]
        if kept:
            if data not in kept:
                raise RootDiffers(f"{self.title}: {name}")
            return
        retention = Retention(COMPLIANCE, datetime.now(UTC) + self._keep) if self.locked() else None
        with wrapped(name):
            self._client.put_object(
                self._bucket, name, io.BytesIO(data), len(data), "application/json", retention=retention
            )

    def names(self) -> list[str]:
        """Of an object with several contents each, as NAME@VERSION."""
        found = self._contents()
        return sorted(
            f"{name}@{version}" if len(versions) > 1 else name
            for name, versions in found.items()
            for version in versions
        )

    def get(self, name: str) -> bytes:
        plain, _, version = name.partition("@")
        return self._get(plain, version or next(iter(self._contents(plain)[plain])))

    def touched(self) -> list[str]:
        """The names under which something else was put later, or that somebody tried to delete."""
        deleted = {str(one.object_name) for one in self._versions() if one.is_delete_marker}
        return sorted(deleted | {name for name, versions in self._contents().items() if len(versions) > 1})

    def _get(self, name: str, version: str | None) -> bytes:
        with wrapped(name):
            response = self._client.get_object(self._bucket, name, version_id=version)
            try:
                return bytes(response.read())
            finally:
                response.close()
                response.release_conn()

    def _contents(self, prefix: str | None = None) -> dict[str, list[str | None]]:
        """Name → one version of each content that it has or had."""
        found: dict[str, dict[str | None, str | None]] = defaultdict(dict)
        for one in self._versions(prefix):
            if not one.is_delete_marker:
                found[str(one.object_name)].setdefault(one.etag, one.version_id)
        return {name: list(contents.values()) for name, contents in found.items()}

    def _versions(self, prefix: str | None = None) -> list[Object]:
        with wrapped(prefix or self._bucket):
            return list(self._client.list_objects(self._bucket, prefix, recursive=True, include_version=True))


class RootFolder:
    """A folder, best on a mount that this machine can only add to. One file per root, never written twice."""

    def __init__(self, path: Path) -> None:
        self.title = f"目录 {path}"
        self._path = path

    def put(self, name: str, data: bytes) -> None:
        """Keep it. Raises RootDiffers, or OSError when the folder cannot be written.

        Only ever adds, so that a mount may refuse everything else: what a crash has cut short is continued.
        """
        target = self._path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("a+b") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            handle.seek(0)
            kept = handle.read()
            if not data.startswith(kept):
                raise RootDiffers(f"{self.title}: {name}")
            handle.write(data[len(kept) :])
            handle.flush()
            os.fsync(handle.fileno())

    def names(self) -> list[str]:
        return sorted(path.relative_to(self._path).as_posix() for path in self._path.rglob("*.json"))

    def get(self, name: str) -> bytes:
        return (self._path / name).read_bytes()

    def touched(self) -> list[str]:
        """A folder keeps no versions: what was changed in it shows by its content alone."""
        return []


def root_places(settings: Settings) -> list[RootBucket | RootFolder]:
    """Every place that the environment names."""
    bucket = RootBucket(settings)
    return [bucket, RootFolder(settings.ledger_roots_dir)] if settings.ledger_roots_dir else [bucket]
