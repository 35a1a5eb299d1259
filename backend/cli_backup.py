"""`qinghe backup`, `qinghe restore` and `qinghe backup-key`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click
from flask import current_app
from minio.error import MinioException
from psycopg import OperationalError
from sqlalchemy.exc import SQLAlchemyError

from backend import System, archive_file, create_app
from backend import backup as domain
from backend.archive_file import BadBackup, BadBackupKey
from backend.backup import NotEmpty, Told
from backend.clients.storage import StorageError
from backend.postgres_tools import ToolFailed
from backend.settings import owner_settings

# Exit code when the backup is whole but object storage had lost something already.
MISSING = 1
_FAULTS = (StorageError, ToolFailed, BadBackup, NotEmpty, OSError, SQLAlchemyError, OperationalError, MinioException)


@click.command("backup-key")
def backup_key() -> None:
    """生成备份的密钥：公钥填入 BACKUP_RECIPIENTS，私钥离开本机保管"""
    private, public = archive_file.new_key()
    click.echo(f"# BACKUP_RECIPIENTS={public}\n{private}")
    click.echo("请把这个文件存到本机以外的保险处：没有它，备份打不开。", err=True)


@click.command("backup")
@click.argument("target", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
def backup(target: Path) -> None:
    """把数据库与对象存储备份成一个加密文件；“-”表示写到标准输出"""
    with create_app(owner_settings()).app_context(), _faults_told():
        recipients = archive_file.recipients(_system().settings.backup_recipients)
        if not recipients:
            raise click.ClickException("没有设置 BACKUP_RECIPIENTS；请先运行 qinghe backup-key。")
        with _opened(target) as stream, _progress("备份照片") as told:
            done = domain.make(_system(), stream, recipients, _system().clock(), told)
    click.echo(
        f"备份完成：文件 {done.objects} 个（{_mb(done.object_bytes)}），数据库 {_mb(done.database_bytes)}，"
        f"台账根 {done.roots} 个。",
        err=True,
    )
    if done.gone:
        click.echo(f"备份期间有 {len(done.gone)} 个文件被删除，没有备份：{_some(done.gone)}。", err=True)
    if done.missing:
        click.echo(f"请注意：对象存储里缺少 {len(done.missing)} 个文件：{_some(done.missing)}。", err=True)
        sys.exit(MISSING)


@click.command("restore")
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--key", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path), help="私钥文件")
@click.option("--check", "only_check", is_flag=True, help="只检查备份是否完整可用，什么也不写")
@click.option("--again", is_flag=True, help="上次恢复中断：对象存储里已有的本备份的文件可以覆盖")
@click.option("--other-keys", is_flag=True, help="本机的密钥与备份时不同也恢复（原来的密钥已经丢失）")
def restore(source: Path, key: Path, only_check: bool, again: bool, other_keys: bool) -> None:
    """把备份恢复到空的数据库与空的对象存储；先检查整个文件，再写入"""
    try:
        identities = archive_file.identities(key.read_text("utf-8"))
    except (BadBackupKey, UnicodeDecodeError):
        raise click.ClickException(f"{key} 不是备份的私钥文件。") from None
    with create_app(owner_settings()).app_context(), _faults_told():
        system = _system()
        with _progress("检查备份") as told:
            checked = domain.check(source, identities, told)
        manifest, content = checked.manifest, checked.content
        click.echo(
            f"{manifest.county} {manifest.at} 的备份，完整：文件 {content.objects} 个（{_mb(content.object_bytes)}），"
            f"数据库 {_mb(content.database_bytes)}，台账根 {content.roots} 个。"
        )
        differ = domain.other_keys(system, manifest)
        if differ:
            said = f"本机的密钥与备份时不同：{'、'.join(differ)}。"
            if not only_check and not other_keys:
                raise click.ClickException(f"{said}请填回原来的密钥；确实已经丢失时加 --other-keys。")
            click.echo(f"请注意：{said}", err=True)
        if only_check:
            return
        domain.require_empty(system, checked.keys, again)
        for place in system.root_places[:1]:
            place.ensure()
        with _progress("恢复照片", content.objects) as told:
            for line in domain.restore(system, source, identities, told):
                click.echo(f"请注意：库外已有另一份同名的台账根，没有覆盖：{line}。", err=True)
    click.echo("恢复完成。请接着运行 qinghe db upgrade 与 qinghe ledger verify，再启动系统。")
    lost = [*content.gone, *content.missing]
    if lost:
        click.echo(f"有 {len(lost)} 个文件在备份时已不存在：{_some(lost)}。", err=True)


@contextmanager
def _opened(target: Path) -> Iterator[BinaryIO]:
    """The file to write, which gets its name once it is whole, so that half a backup is never taken for one."""
    if str(target) == "-":
        yield sys.stdout.buffer
        return
    if target.exists():
        raise click.ClickException(f"{target} 已经存在；备份不覆盖已有的文件。")
    draft = target.with_name(f"{target.name}.part")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _progress(label: str, planned: int | None = None) -> Iterator[Told]:
    """A bar of the objects, then how much of the database has passed."""
    with click.progressbar(length=planned or 0, label=label, file=sys.stderr, update_min_steps=20) as bar:
        passed = 0

        def plan(n: int) -> None:
            bar.length = n

        def database_bytes(n: int) -> None:
            nonlocal passed
            passed += n
            bar.label = f"{label}，数据库 {_mb(passed)}"
            bar.render_progress()

        yield Told(plan, lambda: bar.update(1), database_bytes)


@contextmanager
def _faults_told() -> Iterator[None]:
    """What can go wrong outside, said in one line."""
    try:
        yield
    except _FAULTS as error:
        raise click.ClickException(str(error) or type(error).__name__) from None


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def _some(keys: list[str]) -> str:
    return "、".join(keys[:10]) + ("……" if len(keys) > 10 else "")


def _system() -> Any:
    found: System = current_app.extensions["qinghe"]
    return found
