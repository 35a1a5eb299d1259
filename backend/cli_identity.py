"""`qinghe keys` and `qinghe erase`: what concerns the identities of people."""

from __future__ import annotations

import sys
from uuid import UUID

import click
from cryptography.fernet import Fernet

from backend import create_app
from backend.domain import erasure
from backend.domain import keys as domain
from backend.domain.actors import ADMINISTRATOR
from backend.domain.faults import Fault
from backend.work import unit_of_work


@click.group()
def keys() -> None:
    """身份密钥"""


@keys.command("new")
def new() -> None:
    """生成一把身份密钥（加在 IDENTITY_KEYS 的最前面，逗号分隔）"""
    click.echo(Fernet.generate_key().decode())


@keys.command("rotate")
@click.option("--batch", type=click.IntRange(1, 10_000), default=500, show_default=True, help="每个事务处理多少行")
def rotate(batch: int) -> None:
    """用第一把密钥重新加密全部身份信息；中断后可重新运行"""
    unopenable = 0
    with create_app().app_context():
        for column in domain.sealed_columns():
            with unit_of_work() as work:
                total = domain.count(work, column)
            seen = resealed = lost = 0
            after: UUID | None = None
            with click.progressbar(length=total, label=str(column), file=sys.stderr) as bar:
                while True:
                    with unit_of_work() as work:
                        done = domain.reseal(work, column, after, batch)
                    seen, resealed, lost = seen + done.seen, resealed + done.resealed, lost + done.unopenable
                    bar.update(done.seen)
                    if done.last is None:
                        break
                    after = done.last
            click.echo(f"{column}：{seen} 条，重新加密 {resealed} 条" + (f"，{lost} 条没有密钥能打开" if lost else ""))
            unopenable += lost
    if unopenable:
        raise click.ClickException("有的身份信息用现有密钥打不开：请把旧密钥加回 IDENTITY_KEYS 后重新运行。")
    click.echo("完成。所有进程都用上新密钥以后，可以从 IDENTITY_KEYS 中去掉旧密钥。")


@click.command("erase")
@click.argument("report", type=click.UUID)
@click.option("--scope", type=click.Choice(["identity", "report", "reporter"]), required=True,
              help="identity：姓名电话与账号；report：连同本举报的文字；reporter：此人的全部举报")  # fmt: skip
@click.option("--reason", required=True, help="删除的依据，例如申请编号；记入案件")
@click.option("--photos", is_flag=True, help="连同照片")
@click.option("--yes", is_flag=True, help="不再询问")
def erase(report: UUID, scope: erasure.Scope, reason: str, photos: bool, yes: bool) -> None:
    """依法删除举报人的身份与文字（不可恢复；案件与事件链保持完整）"""
    if not yes:
        click.confirm("删除后不能恢复，确定吗？", abort=True)
    with create_app().app_context():
        try:
            with unit_of_work(ADMINISTRATOR) as work:
                done = erasure.erase(work, report, reason, scope, pictures=photos)
        except Fault as fault:
            raise click.ClickException(fault.title) from None
    for one in done:
        click.echo(
            f"案件 {one.case.number}：{'身份、' if one.identity else ''}举报 {len(one.reports)} 份、"
            f"补充 {len(one.supplements)} 条、事件文字 {len(one.texts)} 段、照片 {len(one.photos)} 张，已删除。"
        )
