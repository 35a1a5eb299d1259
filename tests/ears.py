"""What a run says and where it calls: a guard over sockets, and all that was logged, searched for what is secret."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from pydantic import SecretStr

from backend.extensions import db
from tests.build import ROSTER, Build, Phone
from tests.looking import sql

Place = tuple[str, int]


class CallToTheOutside(AssertionError):  # noqa: N818
    """Something connected to where no setting leads."""


class _Guard:
    """An audit hook sees every socket of Python's, and cannot be taken away; it acts only while `open_to` is set."""

    open_to: frozenset[Place] | None = None

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if self.open_to is None or event not in ("socket.connect", "socket.getaddrinfo"):
            return
        place = args[1][:2] if event == "socket.connect" and isinstance(args[1], tuple) else args[:2]
        if event == "socket.connect" and not isinstance(args[1], tuple):
            return  # a socket of this machine's file system
        if place not in self.open_to:
            raise CallToTheOutside(f"{event} {place}")


_guard = _Guard()
sys.addaudithook(_guard)


def configured(build: Build) -> frozenset[Place]:
    """Host and port of everything that the settings name."""
    settings = build.app.extensions["qinghe"].settings
    named = (
        settings.database_url, settings.redis_url, settings.s3_endpoint, settings.s3_public_url,
        settings.wechat_base_url, settings.sms_base_url, build.wechat_url,
    )  # fmt: skip
    return frozenset((parts.hostname or "", parts.port or 0) for parts in map(urlsplit, named))


@contextmanager
def no_call_to_the_outside(build: Build) -> Iterator[None]:
    """Every connection to another place than the settings name raises CallToTheOutside."""
    _guard.open_to = configured(build)
    try:
        yield
    finally:
        _guard.open_to = None


class Ears:
    """Everything that the application logged, at every level, while somebody listened."""

    def __init__(self, build: Build, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
        self.build, self.caplog, self.capfd = build, caplog, capfd
        self.handed_out: set[str] = set()

    def heard(self) -> str:
        """Log lines on the standard streams and the records of every library, but for the stand-in's web server."""
        told = self.capfd.readouterr()
        records = [one for one in self.caplog.records if one.name != "werkzeug"]
        return "\n".join([told.out, told.err, *(logging.Formatter().format(one) for one in records)])

    def secrets(self) -> dict[str, str]:
        """What may stand in no log, by what it is."""
        system = self.build.app.extensions["qinghe"]
        found: dict[str, str] = {}
        for name, value in system.settings:
            if isinstance(value, SecretStr) and value.get_secret_value():
                found |= dict.fromkeys(value.get_secret_value().split(","), name)
        for name in ("database_url", "redis_url"):
            found[unquote(urlsplit(getattr(system.settings, name)).password or "")] = f"the password in {name}"
        found |= {row[1]: "a phone number of the roster" for row in ROSTER}
        found |= dict.fromkeys(self.handed_out, "a token or a receipt code")
        with self.build.app.app_context():
            sealed = [row["openid_sealed"] for row in sql(self.build.app, "SELECT openid_sealed FROM accounts")]
            found |= {system.vault.open(one): "an openid" for one in sealed if one}
            db.session.remove()
        return {value: what for value, what in found.items() if value}


@contextmanager
def listening(
    build: Build, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
) -> Iterator[Ears]:
    ears = Ears(build, caplog, capfd)
    caplog.set_level(logging.DEBUG)
    libraries = logging.getLogger("urllib3")
    level = libraries.level
    libraries.setLevel(logging.WARNING)  # as logs.configure() leaves it
    resident, report = Build.resident, Build.report

    def signed_in(self: Build, user: str = "resident") -> Phone:
        phone = resident(self, user)
        ears.handed_out.add(phone.token or "")
        return phone

    def reported(self: Build, *args: Any, **changes: Any) -> dict[str, Any]:
        shown = report(self, *args, **changes)
        ears.handed_out.add(shown["receipt_code"])
        return shown

    patch.setattr(Build, "resident", signed_in)
    patch.setattr(Build, "report", reported)
    try:
        yield ears
    finally:
        libraries.setLevel(level)
