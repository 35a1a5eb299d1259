"""Every event is either told to the reporter in plain words or said to be an office matter."""

from __future__ import annotations

import ast
from pathlib import Path

from backend.domain import progress, states

BACKEND = Path(__file__).parent.parent.parent / "backend"


WRITERS = ("events.append", "events.compose")


def appended() -> set[str]:
    """The actions of all events that are written beside the table: events.append or .compose(work, case, "action", …).

    Each is named in plain words, or as one of two; only states.act passes on the action that it carries out.
    """
    found: set[str] = set()
    for path in BACKEND.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in WRITERS and len(node.args) > 2:
                action = node.args[2]
                named = [action.body, action.orelse] if isinstance(action, ast.IfExp) else [action]
                words = [one.value for one in named if isinstance(one, ast.Constant)]
                assert len(words) == len(named) or path.name == "states.py", f"{path}:{node.lineno}"
                found.update(map(str, words))
    return found


def test_the_search_finds_the_events_beside_the_table() -> None:
    assert {"submit", "join", "leave"} <= appended()


def test_every_event_has_words_for_the_reporter_or_is_an_office_matter() -> None:
    """Whoever adds an action decides here what its reporter reads: a sentence, or None."""
    assert set(progress.WORDS) == set(states.ACTIONS) | appended()


def test_every_event_has_a_title_for_officials() -> None:
    assert set(states.TITLES) == set(states.ACTIONS) | appended()


def test_every_state_is_told_in_a_sentence() -> None:
    assert set(progress.STANDING) == set(states.STATES)
    for words in [*progress.STANDING.values(), *progress.OWN_WORDS.values(), *filter(None, progress.WORDS.values())]:
        assert words.endswith(("。", "{text}"))


def test_what_is_told_as_ones_own_is_what_a_reporter_may_do() -> None:
    theirs = {row.action for row in states.TABLE if "reporter" in row.who}
    assert set(progress.OWN_WORDS) == theirs
