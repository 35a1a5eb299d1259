"""`qinghe backup` and `qinghe restore`: to the last row and byte, and nothing from a file that is not whole."""

from __future__ import annotations

import io
import shutil
import subprocess
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pyrage
import pytest
from click.testing import CliRunner, Result
from minio import Minio
from psycopg import sql

from backend import archive_file, backup
from backend.cli import qinghe
from backend.clients.root_places import root_places
from backend.domain import photos, roots
from backend.jobs import drain
from backend.local.testing import Services
from backend.models import Photo
from backend.settings import load_settings
from backend.work import unit_of_work
from tests.build import Build

PRIVATE, PUBLIC = archive_file.new_key()


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(qinghe, [str(one) for one in arguments])


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "backup.key"
    file.write_text(f"# kept in the safe\n{PRIVATE}\n")
    return file


@pytest.fixture(autouse=True)
def county_at_work(build: Build, settings_env: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Reports with photos, cases in several states, a root that was published; and the environment of an operator."""
    for name, value in {**settings_env, "BACKUP_RECIPIENTS": PUBLIC}.items():
        monkeypatch.setenv(name, value)
    # Of its own: earlier roots stay locked in the bucket of the application.
    monkeypatch.setenv("S3_ROOTS_BUCKET", f"roots-{uuid.uuid4().hex[:10]}")
    monkeypatch.setenv("LEDGER_ROOTS_DIR", str(tmp_path / "first-roots"))
    places = root_places(load_settings())
    places[0].ensure()
    build.report(at="exclave")
    build.case("rectifying")
    system = build.app.extensions["qinghe"]
    with unit_of_work() as work:
        root = roots.make(work, system.signer)
        assert root is not None
        roots.publish(work, root.n, places)
    drain()


@dataclass
class Place:
    """Somewhere to restore into: a database, a bucket of objects, one of roots."""

    owner_url: str
    bucket: str
    s3: Minio

    def rows(self) -> dict[str, list[str]]:
        """Every row of every table as text, and where each sequence stands."""
        with psycopg.connect(self.owner_url) as connection:
            tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
            found = {
                name: [row for (row,) in connection.execute(
                    sql.SQL("SELECT t::text FROM {} t ORDER BY t::text").format(sql.Identifier(name)))]
                for (name,) in tables
            }  # fmt: skip
            found["sequences"] = [
                f"{name} {value}"
                for name, value in connection.execute(
                    "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' ORDER BY 1"
                )
            ]
            return found

    def objects(self) -> dict[str, bytes]:
        return {
            str(one.object_name): self.s3.get_object(self.bucket, str(one.object_name)).read()
            for one in self.s3.list_objects(self.bucket, recursive=True)
        }


@pytest.fixture
def source(services: Services) -> Place:
    """The system that is backed up. What earlier tests left in its bucket is taken away."""
    env = services.env
    place = Place(env["MIGRATE_DATABASE_URL"], env["S3_BUCKET"], services.s3)
    known = photo_ids(place)
    for name in place.objects():
        if not any(str(one) in name for one in known):
            services.s3.remove_object(place.bucket, name)
    return place


def photo_ids(place: Place) -> list[uuid.UUID]:
    with psycopg.connect(place.owner_url) as connection:
        return [row for (row,) in connection.execute("SELECT id FROM photos ORDER BY id")]


@pytest.fixture
def empty(services: Services, source: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], Place]:
    """A function that sets the environment to an empty place and returns it."""

    def made() -> Place:
        app_url, owner_url = services.empty_database()
        bucket = f"restored-{uuid.uuid4().hex[:8]}"
        services.s3.make_bucket(bucket)
        monkeypatch.setenv("DATABASE_URL", app_url)
        monkeypatch.setenv("MIGRATE_DATABASE_URL", owner_url)
        monkeypatch.setenv("S3_BUCKET", bucket)
        monkeypatch.setenv("S3_ROOTS_BUCKET", f"{bucket}-roots")
        monkeypatch.setenv("LEDGER_ROOTS_DIR", str(tmp_path / "roots"))
        return Place(owner_url, bucket, services.s3)

    return made


@pytest.fixture
def made(tmp_path: Path, source: Place) -> Path:
    target = tmp_path / "county.age"
    done = run("backup", target)
    assert done.exit_code == 0, done.output
    return target


def test_what_is_restored_is_the_same_to_the_last_row_and_byte(
    made: Path, key: Path, source: Place, empty: Callable[[], Place], settings_env: dict[str, str]
) -> None:
    rows, stored = source.rows(), source.objects()
    assert len(rows["photos"]) == 2
    assert len(stored) >= 6
    place = empty()
    done = run("restore", made, "--key", key)
    assert done.exit_code == 0, done.output
    assert "清源县" in done.output
    assert place.rows() == rows
    assert place.objects() == stored
    types = {one: place.s3.stat_object(place.bucket, one).content_type for one in stored}
    assert set(types.values()) == {"image/jpeg"}
    roots_of = place.s3.list_objects(f"{place.bucket}-roots", recursive=True)
    assert len(list(roots_of)) == 1


def test_a_restored_ledger_is_whole_and_its_events_are_still_append_only(
    made: Path, key: Path, empty: Callable[[], Place], settings_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = empty()
    assert run("restore", made, "--key", key).exit_code == 0
    assert run("db", "upgrade").exit_code == 0
    verified = run("ledger", "verify")
    assert "台账完整，没有发现改动。" in verified.output, verified.output
    app_url = place.owner_url.replace("qinghe_owner", "qinghe_app").replace(
        _password(place.owner_url), _password(settings_env["DATABASE_URL"])
    )
    with psycopg.connect(app_url) as app, pytest.raises(psycopg.Error):
        app.execute("UPDATE case_events SET action = 'x'")


def _password(url: str) -> str:
    return url.split("://")[1].split("@")[0].split(":")[1]


def test_photos_that_come_and_go_while_it_runs_leave_one_moment(
    build: Build, source: Place, empty: Callable[[], Place], key: Path, tmp_path: Path
) -> None:
    rows = source.rows()
    erased = photo_ids(source)[-1]
    happened: list[str] = []

    def meanwhile() -> None:
        if happened:
            return
        happened.append(build.report(at="mid_river_border")["id"])
        with unit_of_work() as work:
            photo = work.session.get(Photo, erased)
            assert photo is not None
            photos.erase(work, photo)
        drain()

    system = build.app.extensions["qinghe"]
    target = tmp_path / "busy.age"
    with target.open("wb") as stream:
        told = backup.Told(object_done=meanwhile)
        done = backup.make(system, stream, archive_file.recipients(PUBLIC), system.clock(), told)
    assert happened
    assert {name.split("/")[0] for name in done.gone} == {"original", "display", "thumbnail"}
    assert done.missing == []
    assert len(source.rows()["reports"]) == len(rows["reports"]) + 1
    place = empty()
    assert run("restore", target, "--key", key).exit_code == 0
    restored = place.rows()
    del restored["sequences"], rows["sequences"]  # they stand outside of every moment, and never lag behind
    assert restored == rows, "the moment at which the backup began"
    named = photo_ids(place)
    assert all(any(str(one) in name for one in named) for name in place.objects()), "nothing without a row"


def test_a_photo_lost_in_object_storage_is_told_and_the_rest_is_saved(source: Place, key: Path, tmp_path: Path) -> None:
    lost = next(name for name in source.objects() if name.startswith("display/"))
    source.s3.remove_object(source.bucket, lost)
    done = run("backup", tmp_path / "b.age")
    assert done.exit_code == 1
    assert f"缺少 1 个文件：{lost}" in done.output
    assert run("restore", tmp_path / "b.age", "--key", key, "--check").exit_code == 0


def test_another_key_opens_nothing(made: Path, empty: Callable[[], Place], tmp_path: Path) -> None:
    other, place = tmp_path / "other.key", empty()
    other.write_text(archive_file.new_key()[0])
    done = run("restore", made, "--key", other)
    assert done.exit_code == 1
    assert "密钥不对" in done.output
    assert_untouched(place)
    other.write_text("no key at all")
    assert "不是备份的私钥文件" in run("restore", made, "--key", other).output


def test_a_file_that_was_cut_off_is_refused_before_anything_is_written(
    made: Path, key: Path, empty: Callable[[], Place]
) -> None:
    whole, place = made.read_bytes(), empty()
    for kept in (0, 10, 200, len(whole) // 4, len(whole) // 2, len(whole) - 17, len(whole) - 1):
        made.write_bytes(whole[:kept])
        done = run("restore", made, "--key", key)
        assert done.exit_code == 1, (kept, done.output)
        assert "备份" in done.output
    assert_untouched(place)


def test_a_changed_byte_is_refused_before_anything_is_written(
    made: Path, key: Path, empty: Callable[[], Place]
) -> None:
    whole, place = made.read_bytes(), empty()
    for where in (0, 30, 100, 300, len(whole) // 3, len(whole) * 2 // 3, len(whole) - 100, len(whole) - 1):
        changed = bytearray(whole)
        changed[where] ^= 1
        made.write_bytes(changed)
        done = run("restore", made, "--key", key)
        assert done.exit_code == 1, (where, done.output)
    assert_untouched(place)


def assert_untouched(place: Place) -> None:
    assert place.rows() == {"sequences": []}
    assert place.objects() == {}


def test_a_backup_that_was_not_made_to_its_end_is_refused(made: Path, key: Path, empty: Callable[[], Place]) -> None:
    plain = io.BytesIO()
    pyrage.decrypt_io(io.BytesIO(made.read_bytes()), plain, archive_file.identities(PRIVATE))
    half = plain.getvalue()[: len(plain.getvalue()) // 1024 * 512]
    made.write_bytes(pyrage.encrypt(half, archive_file.recipients(PUBLIC)))
    place = empty()
    done = run("restore", made, "--key", key)
    assert done.exit_code == 1
    assert_untouched(place)


def test_a_place_that_holds_something_is_left_alone(made: Path, key: Path, empty: Callable[[], Place]) -> None:
    refused = run("restore", made, "--key", key)
    assert refused.exit_code == 1
    assert "只能写进空的数据库" in refused.output
    place = empty()
    place.s3.put_object(place.bucket, "display/other.jpg", io.BytesIO(b"x"), 1)
    refused = run("restore", made, "--key", key)
    assert "对象存储里已有文件" in refused.output
    assert "不属于这份备份" in run("restore", made, "--key", key, "--again").output
    assert place.objects() == {"display/other.jpg": b"x"}
    assert place.rows() == {"sequences": []}


def test_a_restore_that_broke_off_is_done_again(
    made: Path, key: Path, source: Place, empty: Callable[[], Place]
) -> None:
    rows, stored, place = source.rows(), source.objects(), empty()
    first = next(iter(stored))
    place.s3.put_object(place.bucket, first, io.BytesIO(b"half"), 4)
    assert run("restore", made, "--key", key).exit_code == 1
    done = run("restore", made, "--key", key, "--again")
    assert done.exit_code == 0, done.output
    assert (place.rows(), place.objects()) == (rows, stored)


def test_an_installation_with_other_keys_is_told_of_it_first(
    made: Path, key: Path, empty: Callable[[], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = empty()
    monkeypatch.setenv("DIGEST_KEY", "another key, also of 32 letters and more")
    refused = run("restore", made, "--key", key)
    assert refused.exit_code == 1
    assert "本机的密钥与备份时不同：DIGEST_KEY。" in refused.output
    assert_untouched(place)
    assert run("restore", made, "--key", key, "--other-keys").exit_code == 0


def test_a_backup_that_fails_leaves_no_file(source: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_ENDPOINT", "http://127.0.0.1:9")
    done = run("backup", tmp_path / "b.age")
    assert done.exit_code == 1
    assert not list(tmp_path.glob("b.age*"))


def test_an_earlier_backup_is_never_written_over(made: Path, source: Place) -> None:
    before = made.read_bytes()
    assert "不覆盖" in run("backup", made).output
    assert made.read_bytes() == before


def test_without_a_key_nothing_is_backed_up(source: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKUP_RECIPIENTS", "")
    assert "BACKUP_RECIPIENTS" in run("backup", tmp_path / "b.age").output
    shown = run("backup-key").stdout.splitlines()
    assert shown[0].startswith("# BACKUP_RECIPIENTS=age1")
    assert archive_file.identities("\n".join(shown))


def test_the_file_is_of_age_and_tar_and_can_be_opened_without_us(made: Path, key: Path, tmp_path: Path) -> None:
    age = shutil.which("age")
    if age is None:
        pytest.skip("age is not installed on this machine: that it opens the file too was not tried")
    listed = subprocess.run(
        f"{age} -d -i {key} {made} | tar -tf -", shell=True, check=True, capture_output=True, text=True
    )
    assert listed.stdout.splitlines()[0] == "manifest.json"
