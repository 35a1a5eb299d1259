"""Object storage: photos go straight there from the phone, and are fetched from there by short-lived addresses.

Two addresses of one store: `s3_endpoint` as the server reaches it, and `s3_public_url` as phones do. A signature
covers the host, so what phones are given is signed for the public one; signing makes no network call.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlsplit

import urllib3
from minio import Minio
from minio.datatypes import PostPolicy
from minio.error import MinioException, S3Error

from backend.settings import Settings

_MISSING = {"NoSuchKey", "NoSuchObject", "ResourceNotFound"}
_READS = 3
_PIECE_BYTES = 1024 * 1024
_IN_MEMORY_BYTES = 16 * 1024 * 1024
EXISTS = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


class StorageError(Exception):
    """Object storage did not do what was asked."""


class StorageUnavailable(StorageError):  # noqa: N818
    """It could not be reached, refused us, or failed; the same call may succeed later."""


class ObjectMissing(StorageError):  # noqa: N818
    """There is nothing under this key. For a photo that was told to be uploaded: `code` and `title` say so."""

    code = "not_uploaded"
    title = "照片没有上传成功，请重新上传。"


class ObjectTooLarge(StorageError):  # noqa: N818
    """What is under this key is larger than the caller is ready to read. `code`, `title`: as a photo's refusal."""

    code = "too_large"
    title = "照片文件太大，请选择小一些的照片。"


@dataclass(frozen=True)
class UploadForm:
    """Where the phone posts its file, and the fields that must precede the file in the form."""

    url: str
    fields: dict[str, str] = field(repr=False)


@dataclass(frozen=True)
class Stored:
    """An object as the store describes it."""

    key: str
    size: int
    content_type: str
    modified: datetime


class Storage:
    """The one private bucket of an installation. Safe between threads; after a fork, make a new one."""

    def __init__(self, settings: Settings) -> None:
        self._bucket = settings.s3_bucket
        self._region = settings.s3_region
        self._public_root = settings.s3_public_url.rstrip("/")
        self._client = client_for(settings)
        self._probe = _client(settings, settings.s3_endpoint, urllib3.Timeout(2), urllib3.Retry(total=0))
        self._signer = _client(settings, settings.s3_public_url, urllib3.Timeout(5), urllib3.Retry(total=0))

    # For phones

    def upload_form(
        self, key: str, content_type: str, max_bytes: int, *, expires: timedelta, now: datetime, min_bytes: int = 1
    ) -> UploadForm:
        """A form that uploads exactly this key, within this size, until `now + expires`, and nothing else.

        A `content_type` that ends in "/" is a prefix ("image/"): the phone then adds a Content-Type field of its own.
        """
        if now.tzinfo is None:
            raise ValueError("now needs a time zone")
        policy = PostPolicy(self._bucket, now + expires)
        policy.add_equals_condition("key", key)
        policy.add_content_length_range_condition(min_bytes, max_bytes)
        fields = {"key": key}
        if content_type.endswith("/"):
            policy.add_starts_with_condition("Content-Type", content_type)
        else:
            policy.add_equals_condition("Content-Type", content_type)
            fields["Content-Type"] = content_type
        return UploadForm(
            url=f"{self._public_root}/{self._bucket}",
            fields={**fields, **self._signer.presigned_post_policy(policy)},
        )

    def signed_url(self, key: str, expires: timedelta, save_as: str | None = None) -> str:
        """An address at which anybody can fetch this object until it expires (at most seven days).

        With `save_as` it is saved under that name and not shown.
        """
        shown_as = f"attachment; filename*=UTF-8''{quote(save_as)}" if save_as else None
        headers = {"response-content-disposition": shown_as} if shown_as else None
        return str(
            self._signer.presigned_get_object(self._bucket, key, expires=expires, response_headers=headers)  # type: ignore[arg-type]
        )

    # For the server

    def get(self, key: str, limit_bytes: int) -> bytes:
        """The whole object. Raises ObjectTooLarge rather than read more than `limit_bytes`."""
        with wrapped(key):
            response = self._client.get_object(self._bucket, key)
            try:
                data = bytes(response.read(limit_bytes + 1))
            finally:
                response.close()
                response.release_conn()
        if len(data) > limit_bytes:
            raise ObjectTooLarge(f"{key} is larger than {limit_bytes} bytes")
        return data

    def put(self, key: str, data: bytes, content_type: str) -> None:
        """Store the object, in place of an earlier one of this key."""
        with wrapped(key):
            self._client.put_object(self._bucket, key, io.BytesIO(data), len(data), content_type=content_type)

    def put_file(self, key: str, path: Path, content_type: str) -> None:
        """Store a file of any size, in place of an earlier object of this key; it is not read into memory whole."""
        with wrapped(key):
            self._client.fput_object(self._bucket, key, str(path), content_type=content_type)

    @contextlib.contextmanager
    def reading(self, key: str) -> Iterator[tuple[IO[bytes], int, str]]:
        """The whole object as a file, its size and content type; a read that breaks off is begun again."""
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as copy:
            for left in reversed(range(_READS)):
                try:
                    content_type = self._copy(key, copy)
                    break
                except StorageUnavailable:
                    if not left:
                        raise
            size = copy.tell()
            copy.seek(0)
            yield copy, size, content_type

    def _copy(self, key: str, copy: IO[bytes]) -> str:
        copy.seek(0)
        copy.truncate()
        with wrapped(key):
            response = self._client.get_object(self._bucket, key)
            try:
                for piece in response.stream(_PIECE_BYTES):
                    copy.write(piece)
            finally:
                response.close()
                response.release_conn()
        return str(response.headers.get("Content-Type", ""))

    def put_stream(self, key: str, stream: IO[bytes], size: int, content_type: str) -> None:
        """Store what can be read only once, in place of an earlier object of this key."""
        with wrapped(key):
            self._client.put_object(self._bucket, key, stream, size, content_type=content_type)  # type: ignore[arg-type]

    def every_key(self) -> Iterator[str]:
        """Every key in the bucket."""
        with wrapped(self._bucket):
            for found in self._client.list_objects(self._bucket, recursive=True):
                if found.object_name:
                    yield found.object_name

    def delete(self, key: str) -> None:
        """Remove the object; one that is not there is removed already."""
        with contextlib.suppress(ObjectMissing), wrapped(key):
            self._client.remove_object(self._bucket, key)

    def stat(self, key: str) -> Stored:
        """What the store knows about the object. Raises ObjectMissing."""
        with wrapped(key):
            found = self._client.stat_object(self._bucket, key)
        if found.last_modified is None:
            raise StorageUnavailable(f"the store does not say when {key} was made")
        return Stored(key, found.size or 0, found.content_type or "", found.last_modified)

    def exists(self, key: str) -> bool:
        """Whether there is something under this key."""
        try:
            self.stat(key)
        except ObjectMissing:
            return False
        return True

    def list_older_than(self, prefix: str, before: datetime) -> Iterator[Stored]:
        """Every object whose key begins with `prefix` and that was stored before that moment; type is not known."""
        with wrapped(prefix):
            for found in self._client.list_objects(self._bucket, prefix=prefix, recursive=True):
                if found.object_name and found.last_modified is not None and found.last_modified < before:
                    yield Stored(found.object_name, found.size or 0, "", found.last_modified)

    def ensure_bucket(self) -> None:
        """Make the bucket when it is missing; a new bucket is private."""
        with wrapped(self._bucket):
            if self._client.bucket_exists(self._bucket):
                return
            try:
                self._client.make_bucket(self._bucket, location=self._region)
            except S3Error as error:
                if error.code not in EXISTS:  # another process was faster
                    raise

    def ready(self) -> bool:
        """Whether the store answers within seconds and has our bucket."""
        try:
            return bool(self._probe.bucket_exists(self._bucket))
        except (MinioException, urllib3.exceptions.HTTPError, OSError):
            return False


def client_for(settings: Settings) -> Minio:
    """A client of the store as the server reaches it: patient, and trying again."""
    retries = urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504))
    return _client(settings, settings.s3_endpoint, urllib3.Timeout(connect=5, read=30), retries)


def _client(settings: Settings, address: str, timeout: urllib3.Timeout, retries: urllib3.Retry) -> Minio:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/") or parts.query:
        raise ValueError(f"an address of object storage is http(s)://host:port and nothing behind it, not {address}")
    return Minio(
        parts.netloc,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key.get_secret_value(),
        secure=parts.scheme == "https",
        region=settings.s3_region,  # known, or the client would ask the server before it signs
        http_client=urllib3.PoolManager(timeout=timeout, retries=retries, maxsize=10),
    )


@contextlib.contextmanager
def wrapped(what: str) -> Iterator[None]:
    """Turn what minio and urllib3 raise into ours."""
    try:
        yield
    except S3Error as error:
        if error.code in _MISSING:
            raise ObjectMissing(f"there is no object {what}") from error
        raise StorageUnavailable(f"object storage refused {what}: {error.code} {error.message}") from error
    except (MinioException, urllib3.exceptions.HTTPError, OSError) as error:
        raise StorageUnavailable(f"object storage failed on {what}: {type(error).__name__}") from error
