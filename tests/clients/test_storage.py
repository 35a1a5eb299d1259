"""Forms, addresses and objects, against the real S3 server of the test session."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import requests

from backend.clients.storage import ObjectMissing, ObjectTooLarge, Storage, StorageUnavailable, UploadForm
from backend.settings import Settings
from tests.pictures import make_jpeg

JPEG = make_jpeg(80, 60, text="")


@pytest.fixture(scope="module")
def settings(settings_env: dict[str, str]) -> Settings:
    return Settings.model_validate(
        {name.lower(): value for name, value in settings_env.items()} | {"county_dir": ".", "wechat_templates": {}}
    )


@pytest.fixture(scope="module")
def storage(settings: Settings) -> Storage:
    made = Storage(settings)
    made.ensure_bucket()
    return made


@pytest.fixture
def key() -> str:
    return f"uploads/{uuid.uuid4().hex}.jpg"


def form(
    storage: Storage, key: str, *, now: datetime | None = None, least: int = 1, content: str = "image/jpeg"
) -> UploadForm:
    return storage.upload_form(
        key, content, 50_000, min_bytes=least, expires=timedelta(minutes=10), now=now or datetime.now(UTC)
    )


def post(made: UploadForm, data: bytes = JPEG, **changed: str) -> requests.Response:
    fields = {**made.fields, **{name.replace("_", "-"): value for name, value in changed.items()}}
    return requests.post(made.url, data=fields, files={"file": ("photo.jpg", data, "image/jpeg")}, timeout=20)


# The form


def test_the_form_uploads_one_photo(storage: Storage, key: str) -> None:
    assert post(form(storage, key)).status_code in {200, 201, 204}
    assert storage.get(key, 50_000) == JPEG
    found = storage.stat(key)
    assert (found.key, found.size, found.content_type) == (key, len(JPEG), "image/jpeg")


@pytest.mark.parametrize("size", [0, 99, 50_001, 200_000])
def test_a_size_outside_the_range_is_refused(storage: Storage, key: str, size: int) -> None:
    answer = post(form(storage, key, least=100), b"x" * size)
    assert 400 <= answer.status_code < 500
    assert not storage.exists(key)


@pytest.mark.parametrize("size", [100, 50_000])
def test_the_ends_of_the_range_are_accepted(storage: Storage, key: str, size: int) -> None:
    assert post(form(storage, key, least=100), b"x" * size).ok
    assert storage.stat(key).size == size


def test_another_key_is_refused(storage: Storage, key: str) -> None:
    other = f"uploads/{uuid.uuid4().hex}.jpg"
    answer = post(form(storage, key), key=other)
    assert 400 <= answer.status_code < 500
    assert not storage.exists(other)
    assert not storage.exists(key)


def test_another_type_is_refused(storage: Storage, key: str) -> None:
    answer = post(form(storage, key), Content_Type="text/html")
    assert 400 <= answer.status_code < 500
    assert not storage.exists(key)


def test_a_prefix_of_types(storage: Storage, key: str) -> None:
    made = form(storage, key, content="image/")
    assert "Content-Type" not in made.fields
    assert 400 <= post(made, Content_Type="text/html").status_code < 500
    assert not storage.exists(key)
    assert post(made, Content_Type="image/png").ok
    assert storage.stat(key).content_type == "image/png"


def test_an_expired_form_is_refused(storage: Storage, key: str) -> None:
    answer = post(form(storage, key, now=datetime.now(UTC) - timedelta(minutes=11)))
    assert 400 <= answer.status_code < 500
    assert not storage.exists(key)


def test_a_changed_policy_is_refused(storage: Storage, key: str) -> None:
    made = form(storage, key)
    policy = json.loads(base64.b64decode(made.fields["policy"]))
    policy["conditions"] = [
        ["content-length-range", 0, 10**9] if condition[0] == "content-length-range" else condition
        for condition in policy["conditions"]
    ]
    changed = base64.b64encode(json.dumps(policy).encode()).decode()
    assert 400 <= post(made, policy=changed).status_code < 500
    assert 400 <= post(made, x_amz_signature="0" * 64).status_code < 500
    assert not storage.exists(key)


def test_a_form_does_not_show_its_signature_when_printed(storage: Storage, key: str) -> None:
    made = form(storage, key)
    assert made.fields["x-amz-signature"] not in repr(made)


def test_a_time_without_a_zone_is_a_mistake(storage: Storage, key: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        form(storage, key, now=datetime(2025, 1, 1))  # noqa: DTZ001


# Addresses


def test_a_signed_address_shows_the_object_until_it_expires(storage: Storage, key: str) -> None:
    storage.put(key, JPEG, "image/jpeg")
    address = storage.signed_url(key, timedelta(seconds=2))
    answer = requests.get(address, timeout=20)
    assert (answer.status_code, answer.content) == (200, JPEG)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert 400 <= requests.get(address.replace(key[-9:-4], "00000"), timeout=20).status_code < 500
    time.sleep(3.1)
    assert requests.get(address, timeout=20).status_code == 403


def test_nobody_reads_or_lists_without_a_signature(storage: Storage, settings: Settings, key: str) -> None:
    storage.put(key, JPEG, "image/jpeg")
    bucket = f"{settings.s3_endpoint}/{settings.s3_bucket}"
    assert requests.get(f"{bucket}/{key}", timeout=20).status_code == 403
    assert requests.get(bucket, timeout=20).status_code == 403
    assert requests.put(f"{bucket}/{key}", data=b"x", timeout=20).status_code == 403


def test_what_phones_get_is_for_the_public_host_and_needs_no_network(settings: Settings) -> None:
    public = settings.model_copy(
        update={"s3_public_url": "https://files.qinghe.invalid", "s3_endpoint": "http://127.0.0.1:9"}
    )
    storage = Storage(public)
    assert form(storage, "a/b.jpg").url == f"https://files.qinghe.invalid/{settings.s3_bucket}"
    address = storage.signed_url("a/b.jpg", timedelta(minutes=1))
    assert address.startswith(f"https://files.qinghe.invalid/{settings.s3_bucket}/a/b.jpg?")


@pytest.mark.parametrize("address", ["files.example", "ftp://files.example", "https://files.example/s3", "https://"])
def test_an_address_that_cannot_be_signed_for_is_refused(settings: Settings, address: str) -> None:
    with pytest.raises(ValueError, match="http"):
        Storage(settings.model_copy(update={"s3_public_url": address}))


# Objects


def test_put_get_delete(storage: Storage, key: str) -> None:
    assert not storage.exists(key)
    storage.put(key, b"one", "text/plain")
    storage.put(key, b"two", "text/plain")
    assert storage.get(key, 3) == b"two"
    with pytest.raises(ObjectTooLarge):
        storage.get(key, 2)
    storage.delete(key)
    storage.delete(key)
    assert not storage.exists(key)
    with pytest.raises(ObjectMissing):
        storage.get(key, 3)
    with pytest.raises(ObjectMissing):
        storage.stat(key)


def test_the_old_ones_of_a_folder(storage: Storage) -> None:
    folder = f"orphans-{uuid.uuid4().hex}/"
    for name in ("a.jpg", "deep/b.jpg"):
        storage.put(folder + name, JPEG, "image/jpeg")
    now = datetime.now(UTC)
    assert list(storage.list_older_than(folder, now - timedelta(hours=1))) == []
    found = {each.key: each.size for each in storage.list_older_than(folder, now + timedelta(hours=1))}
    assert found == {folder + "a.jpg": len(JPEG), folder + "deep/b.jpg": len(JPEG)}
    assert list(storage.list_older_than("no-such-folder/", now + timedelta(hours=1))) == []


def test_a_bucket_is_made_once_by_many(settings: Settings) -> None:
    own = Storage(settings.model_copy(update={"s3_bucket": f"{settings.s3_bucket}-{uuid.uuid4().hex[:8]}"}))
    assert not own.ready()
    faults: list[Exception] = []

    def ensure() -> None:
        try:
            own.ensure_bucket()
        except StorageUnavailable as fault:
            faults.append(fault)

    threads = [threading.Thread(target=ensure) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert own.ready()
    own.put("a.jpg", JPEG, "image/jpeg")
    address = own.signed_url("a.jpg", timedelta(minutes=1)).partition("?")[0]
    assert requests.get(address, timeout=20).status_code == 403


# When it fails


def test_a_store_that_is_away(settings: Settings) -> None:
    away = Storage(settings.model_copy(update={"s3_endpoint": "http://127.0.0.1:9"}))
    assert not away.ready()
    for call in (
        lambda: away.get("a", 1),
        lambda: away.put("a", b"", "text/plain"),
        lambda: away.delete("a"),
        lambda: away.exists("a"),
        lambda: list(away.list_older_than("a", datetime.now(UTC))),
        away.ensure_bucket,
    ):
        with pytest.raises(StorageUnavailable):
            call()


def test_wrong_keys_and_a_missing_bucket(settings: Settings) -> None:
    stranger = Storage(settings.model_copy(update={"s3_access_key": "stranger"}))
    assert not stranger.ready()
    with pytest.raises(StorageUnavailable):
        stranger.get("a", 1)
    lost = Storage(settings.model_copy(update={"s3_bucket": "no-such-bucket-here"}))
    with pytest.raises(StorageUnavailable):
        lost.get("a", 1)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_readiness_does_not_wait_for_a_silent_store(settings: Settings, silent_server: str) -> None:
    before = time.monotonic()
    assert not Storage(settings.model_copy(update={"s3_endpoint": silent_server})).ready()
    assert time.monotonic() - before < 6
