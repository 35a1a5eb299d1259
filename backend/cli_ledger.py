"""`qinghe ledger`: roots, proofs and verification of the ledger."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click
from flask import current_app

from backend import System, create_app
from backend.clients.root_places import RootBucket, RootFolder
from backend.clients.storage import StorageError
from backend.clock import SHANGHAI
from backend.domain import root_checks, roots, states, verification
from backend.domain.actors import NOBODY
from backend.domain.discrepancies import KINDS, Discrepancy, Outcome
from backend.domain.faults import Fault
from backend.domain.root_checks import Kept
from backend.signing import BadKey, PublicKey, Signer, keyring, new_private_key, read_keys
from backend.work import reading, unit_of_work

# Exit codes besides 0, all is well, and click's 2: something was found; not everything could be looked at.
FOUND, INCOMPLETE = 1, 3


@click.group()
def ledger() -> None:
    """台账：台账根、证明与校验"""


@ledger.command("new-key")
def new_key() -> None:
    """生成一把签名私钥（填入 LEDGER_SIGNING_KEY，并妥善备份）"""
    private = new_private_key()
    click.echo(f"LEDGER_SIGNING_KEY={private}")
    click.echo(f"公钥：{Signer(private).public.text}", err=True)


@ledger.command("public-key")
def public_key() -> None:
    """导出公钥（PEM），供外人核对台账根"""
    with create_app().app_context():
        public = _system().signer.public
    click.echo(public.pem, nl=False)
    click.echo(f"指纹：{public.fingerprint}", err=True)


@ledger.command("root")
def make_root() -> None:
    """立即生成一个台账根并写到库外（平时每小时自动生成）"""
    with create_app().app_context():
        with unit_of_work() as work:
            made = roots.make(work, _system().signer, extra=True)
            n = made.n if made else 0
        for place in _system().root_places:
            try:
                with unit_of_work() as work:
                    roots.publish(work, n, [place])
            except (StorageError, OSError) as error:
                click.echo(f"暂时写不到{place.title}（{error}），后台会继续重试。", err=True)
    click.echo(f"已生成第 {n} 号台账根。")


@ledger.command("prove")
@click.argument("number")
@click.option("--root", "n", type=click.IntRange(min=1), help="按第几号台账根证明，默认最新的")
@click.option("--words", is_flag=True, help="一并给出事件中的文字及其盐值")
def prove(number: str, n: int | None, words: bool) -> None:
    """给出一个案件的证明（JSON），外人凭公钥即可核对，见 docs/ledger-proof.md"""
    with create_app().app_context(), reading(NOBODY) as work:
        try:
            proof = roots.prove(work, number.upper(), n, words)
        except Fault as fault:
            raise click.ClickException(fault.title) from None
    click.echo(json.dumps(proof, ensure_ascii=False, indent=1))


@ledger.command("verify")
@click.option("--since", type=click.IntRange(min=1), help="只核对第几号台账根以后的事件")
@click.option(
    "--roots", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="库外台账根的目录（或其副本）；默认用系统设置的各处",
)  # fmt: skip
@click.option(
    "--public-key", "keys", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="公钥文件（PEM），可给多个；默认用系统设置的公钥",
)  # fmt: skip
@click.option("--every-tree", is_flag=True, help="重算每一个台账根的树，而不只是最新的")
@click.option("--all", "everything", is_flag=True, help="列出全部问题，而不只是第一处")
def verify(since: int | None, folder: Path | None, keys: Sequence[Path], every_tree: bool, everything: bool) -> None:
    """核对整个台账：重算每条事件，并与库外的台账根对照"""
    begun = time.monotonic()
    with create_app().app_context():
        places = [RootFolder(folder)] if folder else _system().root_places
        kept, unread = _read(places, copy=folder is not None)
        known = keyring(*map(_key_in, keys)) or _own_keys()
        with reading(NOBODY) as work:
            checked = root_checks.check(work, kept, known, since, every_tree)
            total = verification.count(work)
            with click.progressbar(length=total, label="核对事件", file=sys.stderr, update_min_steps=2000) as bar:
                outcome = verification.verify(work, checked.known, since, bar.update)
    took = time.monotonic() - begun
    outcome.discrepancies += checked.discrepancies
    for note in dict.fromkeys((*checked.notes, *outcome.notes, *unread)):
        click.echo(f"请注意：{note}", err=True)
    click.echo(
        f"已核对 {outcome.cases} 个案件、{outcome.events} 条事件、{outcome.texts} 段文字、{checked.roots} 个台账根，"
        f"用时 {took:.1f} 秒（每秒 {outcome.events / took:.0f} 条）。"
    )
    if outcome.discrepancies:
        _tell(outcome, everything)
        sys.exit(FOUND)
    if not any(place.files for place in kept):
        click.echo("库内没有发现改动，但没有读到库外的台账根：整段重写或截去末尾的改动查不出来。")
        sys.exit(INCOMPLETE)
    click.echo("台账完整，没有发现改动。" if not unread else "没有发现改动，但有的地方没有读到（见上）。")
    sys.exit(INCOMPLETE if unread else 0)


def _tell(outcome: Outcome, everything: bool) -> None:
    shown = sorted(outcome.discrepancies, key=lambda one: (one.number == "", one.number, one.seq))
    click.echo(f"发现 {len(shown)} 处问题。" + ("" if everything else "第一处："))
    for one in shown if everything else shown[:1]:
        click.echo(f"  {_line(one)}")
    if not everything and len(shown) > 1:
        counts = "、".join(f"{KINDS[kind]} {n} 处" for kind, n in outcome.counts.items())
        click.echo(f"共计：{counts}。加 --all 列出全部。")


def _line(one: Discrepancy) -> str:
    where = f"案件 {one.number}" if one.number else "整个台账"
    if one.seq:
        where += f" 第 {one.seq} 条"
    if one.at is not None:
        where += f"（{states.TITLES.get(one.action, one.action)}，{one.at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}）"
    return f"{where}：{KINDS[one.kind]}。{one.what}。"


def _read(places: Sequence[RootBucket | RootFolder], copy: bool) -> tuple[list[Kept], list[str]]:
    """What each place has; and, in words, which could not be read."""
    kept, unread = [], []
    for place in places:
        try:
            files, bad = roots.read_place(place)
            kept.append(Kept(place.title, files, bad, place.touched(), copy))
        except (StorageError, OSError) as error:
            unread.append(f"读不到{place.title}：{error}。")
    return kept, unread


def _key_in(file: Path) -> PublicKey:
    try:
        return PublicKey.read(file.read_text("utf-8"))
    except (BadKey, UnicodeDecodeError):
        raise click.ClickException(f"{file} 不是 Ed25519 公钥。") from None


def _own_keys() -> dict[str, PublicKey]:
    """By our own settings: whoever distrusts this machine brings the public key along."""
    return keyring(_system().signer.public, *read_keys(_system().settings.ledger_public_keys))


def _system() -> System:
    found: System = current_app.extensions["qinghe"]
    return found
