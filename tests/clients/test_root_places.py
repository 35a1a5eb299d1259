"""Where the ledger's roots are kept outside the database: the bucket with object lock, and the folder."""

from __future__ import annotations

import io
import threading
import uuid
from pathlib import Path

import pytest
from minio import Minio
from minio.error import S3Error

from backend.clients.root_places import RootBucket, RootDiffers, RootFolder, root_places
from backend.clients.storage import StorageUnavailable
from backend.local.testing import Services
from backend.settings import Settings

NAME = "daily/2026/root-00000001.json"


@pytest.fixture
def settings(settings_env: dict[str, str]) -> Settings:
    """With a bucket of its own: what is put into one under lock stays there."""
    own = {
        "county_dir": ".",
        "wechat_templates": {},
        "s3_roots_bucket": f"roots-{uuid.uuid4().hex[:10]}",
        "ledger_roots_keep_days": 30,
    }
    return Settings.model_validate({name.lower(): value for name, value in settings_env.items()} | own)


@pytest.fixture
def bucket(settings: Settings) -> RootBucket:
    made = RootBucket(settings)
    made.ensure()
    return made


@pytest.fixture
def store(services: Services) -> Minio:
    return services.s3


@pytest.fixture(params=["bucket", "plain bucket", "folder"])
def place(request: pytest.FixtureRequest, settings: Settings, store: Minio, tmp_path: Path) -> RootBucket | RootFolder:
    if request.param == "folder":
        return RootFolder(tmp_path / "not yet there")
    if request.param == "plain bucket":
        store.make_bucket(settings.s3_roots_bucket)
    made = RootBucket(settings)
    made.ensure()
    made.ensure()
    assert made.locked() == (request.param == "bucket")
    return made


def test_what_is_put_is_there_and_stays(place: RootBucket | RootFolder) -> None:
    assert place.names() == []
    place.put(NAME, b"one")
    place.put(NAME, b"one")
    place.put("hourly/2026/root-00000002.json", b"two")
    with pytest.raises(RootDiffers):
        place.put(NAME, b"another")
    assert place.names() == [NAME, "hourly/2026/root-00000002.json"]
    assert [place.get(name) for name in place.names()] == [b"one", b"two"]
    assert place.touched() == []


def test_every_place_of_the_environment_is_one(settings: Settings, tmp_path: Path) -> None:
    assert [type(place) for place in root_places(settings)] == [RootBucket, RootFolder]
    without = Settings.model_validate({**settings.model_dump(), "ledger_roots_dir": ""})
    assert [type(place) for place in root_places(without)] == [RootBucket]


def test_nobody_who_holds_the_stores_keys_can_take_a_root_back(
    bucket: RootBucket, settings: Settings, store: Minio
) -> None:
    bucket.put(NAME, b"one")
    version = next(iter(store.list_objects(settings.s3_roots_bucket, recursive=True, include_version=True)))
    assert store.get_object_retention(settings.s3_roots_bucket, NAME).mode == "COMPLIANCE"  # type: ignore[union-attr]
    with pytest.raises(S3Error, match="AccessDenied"):
        store.remove_object(settings.s3_roots_bucket, NAME, version_id=version.version_id)
    store.remove_object(settings.s3_roots_bucket, NAME)  # a marker on top, which hides it
    store.put_object(settings.s3_roots_bucket, NAME, io.BytesIO(b"forged"), 6)
    fresh = RootBucket(settings)
    assert fresh.touched() == [NAME]
    assert {fresh.get(name) for name in fresh.names()} == {b"one", b"forged"}, "the forged one hides nothing"
    fresh.put(NAME, b"one")
    with pytest.raises(RootDiffers):
        fresh.put(NAME, b"a third")


def test_a_store_that_is_away_is_said_so(settings: Settings) -> None:
    away = RootBucket(settings.model_copy(update={"s3_endpoint": "http://127.0.0.1:9"}))
    for call in (away.ensure, away.names, away.touched, lambda: away.put(NAME, b"one")):
        with pytest.raises(StorageUnavailable):
            call()


def test_a_file_that_a_crash_cut_short_is_completed(tmp_path: Path) -> None:
    folder = RootFolder(tmp_path)
    folder.put(NAME, b"whole")
    (tmp_path / NAME).write_bytes(b"who")
    folder.put(NAME, b"whole")
    assert folder.get(NAME) == b"whole"


def test_many_who_write_the_same_root_write_it_once(tmp_path: Path) -> None:
    folder, data = RootFolder(tmp_path), b"x" * 200_000
    threads = [threading.Thread(target=folder.put, args=(NAME, data)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert folder.get(NAME) == data


def test_a_folder_is_only_ever_added_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a mount that only lets files be added, every rename, removal and truncation would be refused."""

    def refused(*args: object, **kwargs: object) -> None:
        raise AssertionError("not on such a mount")

    for name in ("rename", "replace", "unlink", "remove", "truncate", "ftruncate", "link"):
        monkeypatch.setattr(f"os.{name}", refused)
    folder = RootFolder(tmp_path)
    folder.put(NAME, b"one")
    folder.put(NAME, b"one")
    assert folder.get(NAME) == b"one"
