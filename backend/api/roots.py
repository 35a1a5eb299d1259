"""The roots of the ledger, for anybody who wants to keep them or check a proof."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import g
from pydantic import BaseModel, Field

from backend.api.access import system
from backend.api.schemas import Input
from backend.domain import roots
from backend.domain.roots import Statement
from backend.models import LedgerRoot
from backend.signing import read_keys
from backend.work import unit_of_work

bp = APIBlueprint("roots", __name__, tag="台账根")


class RootsQuery(Input):
    before: int | None = Field(default=None, ge=1, le=2**31 - 1, description="`next` of the page before")
    limit: int = Field(default=20, ge=1, le=100)


class RootOut(BaseModel):
    n: int
    at: datetime
    kind: str = Field(description="hourly, daily or extra")
    cases: int
    events: int
    hash: str = Field(description="SHA-256 of the statement; the next root names it as its previous one")
    statement: str = Field(description="the text that is signed, line feeds included")
    signature: str = Field(description="Ed25519, base64")
    key: str = Field(description="fingerprint of the public key")


class PublicKeyOut(BaseModel):
    key: str = Field(description="fingerprint")
    pem: str


class RootsOut(BaseModel):
    items: list[RootOut]
    next: int | None
    public_keys: list[PublicKeyOut]


@bp.get("/ledger/roots")
@bp.input(RootsQuery, location="query", arg_name="page")
@bp.output(RootsOut)
def listing(page: RootsQuery) -> Any:
    """The signed roots, the latest first, and the public keys by which they are checked (docs/ledger-proof.md)."""
    keys = [system().signer.public, *read_keys(system().settings.ledger_public_keys)]
    with unit_of_work(g.actor) as work:
        found = roots.page(work, page.before, page.limit)
        return {
            "items": [_root(root) for root in found],
            "next": found[-1].n if len(found) == page.limit else None,
            "public_keys": [{"key": key.fingerprint, "pem": key.pem} for key in keys],
        }


def _root(root: LedgerRoot) -> dict[str, Any]:
    said = Statement.read(root.statement)
    return {
        "n": root.n,
        "at": root.at,
        "kind": root.kind,
        "cases": said.cases,
        "events": said.events,
        "hash": said.hash,
        "statement": root.statement,
        "signature": root.signature,
        "key": root.key,
    }
