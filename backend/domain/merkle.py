"""A Merkle tree over the leaves of a list, as RFC 6962 (section 2.1) builds it, and the path that proves one leaf.

Nodes are SHA-256; a leaf's begins with a zero byte, an inner node's with a one, so that neither passes for the other.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Literal, NamedTuple

EMPTY = sha256().digest()


class Step(NamedTuple):
    """The sibling met on the way up, and on which side of us it stands."""

    side: Literal["left", "right"]
    hash: bytes


def leaf(content: str) -> bytes:
    return sha256(b"\0" + content.encode()).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def root(leaves: list[bytes]) -> bytes:
    """The hash that commits to all leaves, their number and their order."""
    if not leaves:
        return EMPTY
    level = leaves
    while len(level) > 1:
        level = _parents(level)
    return level[0]


def _parents(level: list[bytes]) -> list[bytes]:
    """The level above. An odd one at the end goes up as it is: that makes RFC 6962's tree."""
    above = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return above + level[-1:] if len(level) % 2 else above


def path(leaves: list[bytes], index: int) -> list[Step]:
    """What proves the leaf at `index`, from below: about log2 of the number of leaves."""
    steps = []
    level = leaves
    while len(level) > 1:
        if index % 2:
            steps.append(Step("left", level[index - 1]))
        elif index + 1 < len(level):
            steps.append(Step("right", level[index + 1]))
        level, index = _parents(level), index // 2
    return steps


def climb(here: bytes, steps: list[Step]) -> bytes:
    """The root that a leaf's path leads to."""
    for step in steps:
        here = _node(step.hash, here) if step.side == "left" else _node(here, step.hash)
    return here
