"""`qinghe demo`: what `make run` needs around the demo county."""

from __future__ import annotations

import json
import os
import shlex

import click

from backend.local import demo_phone as script


@click.group()
def demo() -> None:
    """演示县"""


@demo.command("setup")
def setup() -> None:
    """导入演示名册"""
    from backend import create_app
    from backend.domain import people
    from backend.roster_file import RosterFaults, read_roster
    from backend.work import unit_of_work

    path = script.county_dir(os.environ) / "roster.csv"
    try:
        data = path.read_bytes()
    except OSError:
        raise click.ClickException(f"读不到演示名册 {path}。") from None
    with create_app().app_context(), unit_of_work() as work:
        try:
            rows = read_roster(data, work.county)
        except RosterFaults as faults:
            lines = [f"第 {fault.line} 行：{fault.reason}" for fault in faults.faults]
            raise click.ClickException("演示名册有误，没有导入任何人：\n" + "\n".join(lines)) from None
        done = people.import_roster(work, rows)
    click.echo(f"演示名册 {done['rows']} 行：新增 {done['added']}，结束 {done['ended']}。")


@demo.command("sign-ins")
def sign_ins() -> None:
    """列出各角色的演示账号和登录方法"""
    from backend.county_files import read_county

    try:
        stand_in = script.stand_in_url(os.environ)
        api = script.api_url(os.environ)
        people = script.officials(script.county_dir(os.environ))
        units = {unit.code: unit.name for unit in read_county(script.county_dir(os.environ)).units}
    except script.DemoError as failed:
        raise click.ClickException(str(failed)) from None
    click.echo(f"群众        微信用户 {script.RESIDENT}")
    first_of_role = {person.role: person for person in reversed(people)}
    for role in dict.fromkeys(person.role for person in people):
        person = first_of_role[role]
        padding = " " * (12 - 2 * len(role))
        unit = units.get(person.unit, person.unit)
        click.echo(f"{role}{padding}微信用户 {person.user}  手机号 {person.phone}  {person.name}（{unit}）")
    click.echo(
        f"电脑端：打开 {api}/desk/ 显示二维码；再在 {api}/phone/ 换成上面的任一身份，在“我的”里用微信手机号验证一次，"
    )
    click.echo("  点“扫码登录电脑端”，输入电脑上的 8 位登录码并确认。没有手机时：县河长办给绑定码，在登录页设密码。")
    click.echo("接口登录：先向微信替身要一个 code，再用它换取 token：")
    _post(f"{stand_in}/_stand-in/login", user="微信用户")
    _post(f"{api}/api/v1/session", code="上一步的 code")
    click.echo("工作人员首次登录后，再要一个手机号 code，绑定名册：")
    _post(f"{stand_in}/_stand-in/phone", user="微信用户", phone="手机号")
    _post(f"{api}/api/v1/session/phone", "-H 'Authorization: Bearer 登录得到的 token'", code="上一步的 code")


def _post(url: str, more: str = "", /, **body: str) -> None:
    """Show the call as it is typed."""
    data = shlex.quote(json.dumps(body, ensure_ascii=False))
    parts = ("curl", "-s", url, "-H 'Content-Type: application/json'", more, "-d", data)
    click.echo("  " + " ".join(part for part in parts if part))
