"""Backup and restore: database and object storage as of one moment, in one sealed file.

The moment is a snapshot of the database. The objects are copied after it: a photo is stored before the row that says it
is sound, so that everything the snapshot speaks of is there, and what was uploaded later has no row in it and is left
out. The database comes last in the file, so that a restore that breaks off leaves an empty database: it begins again.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, BinaryIO

import psycopg
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.orm import Session

from backend import System, archive_file, postgres_tools
from backend.archive_file import BadBackup, Entry, Writer
from backend.clients.root_places import RootDiffers
from backend.clients.storage import ObjectMissing
from backend.domain import objects
from backend.extensions import db

FORM = 1
MIGRATIONS = Path(__file__).parent / "migrations"
_MANIFEST, _END = "manifest.json", "end.json"
_OBJECTS, _ROOTS, _DATABASE = "objects/", "roots/", "database/"


class NotEmpty(Exception):  # noqa: N818
    """The place to restore into holds something already."""


@dataclass
class Manifest:
    """What stands first in a backup. `keys` are marks by which the installation's keys are known again."""

    at: str
    county: str
    revision: str
    keys: dict[str, str]
    planned: int
    form: int = FORM


@dataclass
class Content:
    """What stands last: counted while it was written, counted again by whoever reads."""

    objects: int = 0
    object_bytes: int = 0
    roots: int = 0
    database_bytes: int = 0
    digest: str = ""
    gone: list[str] = field(default_factory=list)
    """Needed at the moment and removed while the backup was made: erased by law, or outdated."""
    missing: list[str] = field(default_factory=list)
    """Needed and not in object storage: lost before."""


@dataclass(frozen=True)
class Told:
    """How far it is: the number of objects, each object, and the bytes of the database as they pass."""

    plan: Callable[[int], None] = lambda n: None
    object_done: Callable[[], None] = lambda: None
    database_bytes: Callable[[int], None] = lambda n: None


@dataclass(frozen=True)
class Checked:
    """A backup that was read to its last byte and found whole."""

    manifest: Manifest
    content: Content
    keys: frozenset[str]


# ---- making ----------------------------------------------------------------------------------------------------------


def make(system: System, target: BinaryIO, recipients: Sequence[Any], now: datetime, told: Told) -> Content:
    """Write a backup. Raises StorageError, ToolFailed or OSError; what was written is worth nothing then."""
    moment = db.engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with moment, Session(moment) as session, archive_file.writing(target, recipients) as writer:
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))  # it waits while objects are copied
        snapshot = str(session.scalar(text("SELECT pg_export_snapshot()")))
        named = list(objects.named(session))
        manifest = Manifest(
            at=now.isoformat(),
            county=system.counties.current(session, now).county.name,
            revision=str(session.scalar(text("SELECT version_num FROM alembic_version"))),
            keys={**system.vault.marks(), "LEDGER_SIGNING_KEY": system.signer.public.fingerprint},
            planned=len(named),
        )
        writer.add_json(_MANIFEST, asdict(manifest))
        content, whole = Content(), hashlib.sha256()
        told.plan(len(named))
        absent = []
        for one in named:
            if not _add_object(system, writer, one.key, content, whole) and one.needed:
                absent.append(one.key)
            told.object_done()
        _add_roots(system, writer, content, whole)
        with postgres_tools.dumping(_url(system), snapshot) as dump:
            content.database_bytes = writer.add_in_parts(_DATABASE, _Hashed(dump, whole), told.database_bytes)
        content.digest = whole.hexdigest()
        content.gone, content.missing = _why_absent(absent)
        writer.add_json(_END, asdict(content))
    return content


def _add_object(system: System, writer: Writer, key: str, content: Content, whole: Any) -> bool:
    try:
        with system.storage.reading(key) as (stream, size, content_type):
            writer.add(f"{_OBJECTS}{key}", size, _Hashed(stream, whole), content_type)
    except ObjectMissing:
        return False
    content.objects += 1
    content.object_bytes += size
    return True


def _add_roots(system: System, writer: Writer, content: Content, whole: Any) -> None:
    """The ledger's signed roots. A name under which somebody put several contents is left to `qinghe ledger verify`."""
    place = system.root_places[0]
    for name in place.names():
        if "@" not in name:
            data = place.get(name)
            writer.add(f"{_ROOTS}{name}", len(data), _Hashed(io.BytesIO(data), whole))
            content.roots += 1


def _why_absent(keys: list[str]) -> tuple[list[str], list[str]]:
    """Of the needed objects that were not there: those that no row speaks of any longer, and those that are lost."""
    if not keys:
        return [], []
    with Session(db.engine) as session:
        still = {one.key for one in objects.named(session) if one.needed}
    return [key for key in keys if key not in still], [key for key in keys if key in still]


class _Hashed:
    """A stream whose bytes are hashed as they are read."""

    def __init__(self, stream: IO[bytes], whole: Any) -> None:
        self._stream, self._whole = stream, whole

    def read(self, n: int = -1) -> bytes:
        data = self._stream.read(n)
        self._whole.update(data)
        return data


# ---- restoring -------------------------------------------------------------------------------------------------------


def check(path: Path, identities: Sequence[Any], told: Told) -> Checked:
    """Read a backup to its last byte and count it anew. Raises BadBackup."""
    manifests: list[Manifest] = []
    ends: list[Content] = []
    seen, whole, keys = Content(), hashlib.sha256(), set()

    def visit(entry: Entry) -> None:
        if not manifests and entry.name != _MANIFEST:
            raise BadBackup("这不是清河的备份文件。")
        if entry.name == _MANIFEST:
            manifests.append(_manifest(entry))
            told.plan(manifests[0].planned)
        elif entry.name == _END:
            ends.append(Content(**entry.json()))
        else:
            while piece := entry.stream.read(1024 * 1024):
                whole.update(piece)
            if entry.name.startswith(_OBJECTS):
                keys.add(entry.name.removeprefix(_OBJECTS))
                seen.objects, seen.object_bytes = seen.objects + 1, seen.object_bytes + entry.size
                told.object_done()
            elif entry.name.startswith(_ROOTS):
                seen.roots += 1
            else:
                seen.database_bytes += entry.size
                told.database_bytes(entry.size)

    archive_file.read(path, identities, visit)
    if not manifests or not ends:
        raise BadBackup("这份备份没有做完，不能用来恢复；请换另一份备份。")
    seen.digest, seen.gone, seen.missing = whole.hexdigest(), ends[0].gone, ends[0].missing
    if seen != ends[0]:
        raise BadBackup("备份的内容与它自己的清单不符，不能用来恢复；请换另一份备份。")
    return Checked(manifests[0], seen, frozenset(keys))


def _manifest(entry: Entry) -> Manifest:
    told = entry.json()
    if told.get("form") != FORM:
        raise BadBackup("这份备份由另一个版本的清河制作，请用那个版本恢复。")
    found = Manifest(**told)
    if found.revision not in {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}:
        raise BadBackup(f"这份备份由更新的版本制作（数据库版本 {found.revision}），请先升级程序再恢复。")
    return found


def other_keys(system: System, manifest: Manifest) -> list[str]:
    """The settings whose keys are not those under which the backup was made."""
    differ = system.vault.differing(manifest.keys)
    if manifest.keys.get("LEDGER_SIGNING_KEY") != system.signer.public.fingerprint:
        differ.append("LEDGER_SIGNING_KEY")
    return differ


def require_empty(system: System, known: frozenset[str], again: bool) -> None:
    """Raises NotEmpty unless nothing stands where the backup is to go; with `again` its own objects may."""
    with psycopg.connect(_url(system)) as connection:
        [tables] = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() or (0,)
    if tables:
        raise NotEmpty(f"数据库里已有 {tables} 张表；恢复只能写进空的数据库。")
    system.storage.ensure_bucket()
    for key in system.storage.every_key():
        if not again:
            raise NotEmpty("对象存储里已有文件；恢复只能写进空的存储桶。如果是上次恢复中断，请加 --again 重来。")
        if key not in known:
            raise NotEmpty(f"对象存储里有不属于这份备份的文件：{key}。")


def restore(system: System, path: Path, identities: Sequence[Any], told: Told) -> list[str]:
    """Write what check() found whole: objects and roots, and at last the database, in one transaction.

    Returns, in words, the roots that differ from what is kept outside. Raises StorageError or ToolFailed.
    """
    differ = []
    with postgres_tools.restoring(_url(system)) as database:

        def visit(entry: Entry) -> None:
            if entry.name.startswith(_OBJECTS):
                key = entry.name.removeprefix(_OBJECTS)
                system.storage.put_stream(key, entry.stream, entry.size, entry.content_type)
                told.object_done()
            elif entry.name.startswith(_ROOTS):
                name, data = entry.name.removeprefix(_ROOTS), entry.stream.read()
                differ.extend(_keep_root(system, name, data))
            elif entry.name.startswith(_DATABASE):
                database.write(entry.stream.read())
                told.database_bytes(entry.size)

        archive_file.read(path, identities, visit)
    return differ


def _keep_root(system: System, name: str, data: bytes) -> list[str]:
    differ = []
    for place in system.root_places:
        try:
            place.put(name, data)
        except RootDiffers as error:
            differ.append(str(error))
    return differ


def _url(system: System) -> str:
    return postgres_tools.plain_url(system.settings.database_url)
