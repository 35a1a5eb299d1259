"""`qinghe`: what an administrator types."""

from __future__ import annotations

from datetime import UTC, date, datetime
from importlib.util import find_spec
from pathlib import Path

import click
import flask_migrate
from flask import current_app

from backend import calendar_check, cli_backup, cli_identity, cli_ledger, create_app
from backend.clients import root_places
from backend.counties import SHANGHAI, load
from backend.county_files import CountyFaults, read_county
from backend.domain import people
from backend.extensions import db
from backend.roster_file import RosterFaults, read_roster
from backend.settings import SettingsError, owner_settings
from backend.work import unit_of_work


@click.group()
def qinghe() -> None:
    """清河：河湖保护管理系统"""


@qinghe.group()
def county() -> None:
    """本县配置"""


@county.command("check")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def county_check(folder: Path) -> None:
    """检查配置，列出每一处错误"""
    try:
        found = read_county(folder)
    except CountyFaults as faults:
        raise click.ClickException(str(faults)) from None
    click.echo(
        f"{found.name}：{len(found.townships)} 个乡镇，{len(found.reaches)} 个河段，"
        f"{len(found.risk_sources)} 个风险源，配置正确。"
    )
    for warning in calendar_check.warnings(found.calendar, datetime.now(SHANGHAI).date()):
        click.echo(f"请注意：{warning}", err=True)


@county.command("load")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--from", "effective", type=click.DateTime(["%Y-%m-%d"]), help="生效日期，默认今天")
def county_load(folder: Path, effective: datetime | None) -> None:
    """导入配置；与现行配置相同时什么也不做"""
    try:
        found = read_county(folder)
    except CountyFaults as faults:
        raise click.ClickException(str(faults)) from None
    now = datetime.now(UTC)
    effective_on: date = effective.date() if effective else now.astimezone(SHANGHAI).date()
    with create_app().app_context():
        version = load(db.session(), found, effective_on, now)
        db.session.commit()
    click.echo(f"{found.name}：" + (f"第 {version.id} 版，{effective_on} 起生效。" if version else "配置没有变化。"))


@qinghe.group()
def roster() -> None:
    """名册"""


@roster.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def roster_import(file: Path) -> None:
    """导入名册（.xlsx 或 .csv），逐行检查"""
    with create_app().app_context(), unit_of_work() as work:
        try:
            rows = read_roster(file.read_bytes(), work.county)
        except RosterFaults as faults:
            lines = [f"第 {fault.line} 行：{fault.reason}" for fault in faults.faults]
            raise click.ClickException("名册有误，没有导入任何人：\n" + "\n".join(lines)) from None
        done = people.import_roster(work, rows)
    click.echo(f"名册 {done['rows']} 行：新增 {done['added']}，结束 {done['ended']}。")


@qinghe.group(name="db")
def database() -> None:
    """数据库"""


@database.command("upgrade")
def upgrade() -> None:
    """把数据库升级到当前版本（用 MIGRATE_DATABASE_URL，没有则用 DATABASE_URL）"""
    settings = owner_settings()
    app = create_app(settings)
    with app.app_context():
        flask_migrate.upgrade(directory=str(Path(__file__).parent / "migrations"))
        system = current_app.extensions["qinghe"]
        system.storage.ensure_bucket()
        root_places.RootBucket(settings).ensure()


qinghe.add_command(cli_ledger.ledger)
qinghe.add_command(cli_backup.backup)
qinghe.add_command(cli_backup.restore)
qinghe.add_command(cli_backup.backup_key)
qinghe.add_command(cli_identity.keys)
qinghe.add_command(cli_identity.erase)


def add_demo() -> None:
    """The demo's commands, where the local system and requests are installed."""
    if find_spec("backend.local") and find_spec("requests"):
        from backend.local.demo_cli import demo

        qinghe.add_command(demo)


def main() -> None:
    add_demo()
    try:
        qinghe()
    except SettingsError as error:
        raise SystemExit(f"无法启动：{error}") from None


if __name__ == "__main__":
    main()
