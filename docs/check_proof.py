"""Check a proof of the ledger: python check_proof.py PROOF.json PUBLIC_KEY.pem

Needs nothing of Qinghe, only Python and the package `cryptography`. What is checked is described in ledger-proof.md.
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def demand(true: bool, otherwise: str) -> None:
    if not true:
        raise SystemExit(f"核对不通过：{otherwise}。")


def check(proof: dict[str, Any], pem: bytes) -> str:
    """Returns what was proven, in one line; ends the program when anything does not fit."""
    # 1. The statement of the root was signed by the county's key.
    statement: str = proof["statement"]
    key = load_pem_public_key(pem)
    demand(isinstance(key, Ed25519PublicKey), "公钥不是 Ed25519 公钥")
    try:
        key.verify(base64.b64decode(proof["signature"]), statement.encode())
    except InvalidSignature:
        demand(False, "台账根的签名与公钥不符")
    said = dict(line.split(" ", 1) for line in statement.splitlines()[1:])

    # 2. The case's line leads, with the siblings met on the way up, to the tree's root in the statement.
    case = proof["case"]
    here = sha256(b"\0" + f"{case['id']} {case['number']} {case['events']} {case['head']}".encode())
    for step in proof["path"]:
        other = bytes.fromhex(step["hash"])
        here = sha256(b"\1" + other + here) if step["side"] == "left" else sha256(b"\1" + here + other)
    demand(here.hex() == said["tree"], "案件不在这个台账根之下")

    # 3. The events are that many, each names the hash of the one before, and the last is the case's head.
    demand(len(proof["events"]) == case["events"], "事件条数与案件所记不符")
    before = sha256(f"qinghe case {case['id']}".encode()).hex()
    for place, event in enumerate(proof["events"], start=1):
        content = json.loads(event)
        demand((content["case"], content["seq"]) == (case["id"], place), f"第 {place} 条事件不属于这个位置")
        demand(content["prev"] == before, f"第 {place} 条事件接不上前一条")
        before = sha256(event.encode()).hex()
    demand(before == case["head"], "最后一条事件与案件所记不符")

    # 4. Words that were handed over with the proof are those of their events.
    for seq, words in proof.get("words", {}).items():
        digest = sha256(f"{words['salt']}\0{words['text']}".encode()).hex()
        demand(digest == json.loads(proof["events"][int(seq) - 1])["text"], f"第 {seq} 条事件的文字被改动")
    return (
        f"核对通过：案件 {case['number']} 的 {case['events']} 条事件，"
        f"与 {said['at']} 签名的第 {said['root']} 号台账根（共 {said['cases']} 个案件）相符。"
    )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    print(check(json.loads(Path(sys.argv[1]).read_text("utf-8")), Path(sys.argv[2]).read_bytes()))
