"""The file of a backup: a tar stream inside an age stream, so that `age -d` and `tar` open it without Qinghe too.

age is sealed to public keys: the machine that makes backups cannot read them. Each piece of 64 KB is authenticated in
its place, so that a changed byte, a piece left out and a missing end are all noticed.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import tarfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol, cast

import pyrage

_PIECE = 4 * 1024 * 1024
_CONTENT_TYPE = "QINGHE.content_type"


class BadBackup(Exception):  # noqa: N818
    """The file is no whole backup, or the key is another; the text says so to an administrator."""


class BadBackupKey(ValueError):  # noqa: N818
    """This is no age key."""


def new_key() -> tuple[str, str]:
    """A private key, to be kept away from the machine, and the public key by which backups are sealed."""
    made = pyrage.x25519.Identity.generate()
    return str(made), str(made.to_public())


def recipients(text: str) -> list[Any]:
    """Public keys (age1…) with commas between them. Raises BadBackupKey."""
    try:
        return [pyrage.x25519.Recipient.from_str(one.strip()) for one in text.split(",") if one.strip()]
    except pyrage.RecipientError as error:
        raise BadBackupKey(str(error)) from None


def identities(text: str) -> list[Any]:
    """Private keys, one a line, as age writes them: lines with # are remarks. Raises BadBackupKey."""
    lines = [line.strip() for line in text.splitlines()]
    try:
        found = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except pyrage.IdentityError as error:
        raise BadBackupKey(str(error)) from None
    if not found:
        raise BadBackupKey("no key in it")
    return found


class Source(Protocol):
    """What is read to its end, or to the length that was told."""

    def read(self, n: int = ..., /) -> bytes: ...


class Writer:
    """Adds entries to the tar stream, none of them held in memory whole."""

    def __init__(self, stream: BinaryIO) -> None:
        self._tar = tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT, bufsize=64 * 1024)  # noqa: SIM115

    def add(self, name: str, size: int, source: Source, content_type: str = "") -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, 0o600
        if content_type:
            entry.pax_headers = {_CONTENT_TYPE: content_type}
        self._tar.addfile(entry, cast(IO[bytes], source))

    def add_json(self, name: str, fact: dict[str, Any]) -> None:
        data = json.dumps(fact, ensure_ascii=False, indent=1).encode()
        self.add(name, len(data), io.BytesIO(data))

    def add_in_parts(self, prefix: str, source: Source, tell: Callable[[int], None]) -> int:
        """Something whose length is not known before its end, as parts in order. Returns its length."""
        total = number = 0
        while piece := source.read(_PIECE):
            self.add(f"{prefix}{number:08}", len(piece), io.BytesIO(piece))
            total, number = total + len(piece), number + 1
            tell(len(piece))
        return total

    def close(self) -> None:
        self._tar.close()


@contextmanager
def writing(target: BinaryIO, keys: Sequence[Any]) -> Iterator[Writer]:
    """A Writer into a new archive. After an error inside, it lacks what the caller puts last: it is not whole then."""
    with _through(lambda source: pyrage.encrypt_io(source, target, keys)) as stream:
        writer = Writer(stream)
        try:
            yield writer
        finally:
            with contextlib.suppress(BrokenPipeError):  # why it broke is raised by whoever reads
                writer.close()
    target.flush()


@contextmanager
def _through(encrypt: Callable[[BinaryIO], None]) -> Iterator[BinaryIO]:
    """A stream to write to, whose other end a thread reads: age's library takes a reader, tar a writer."""
    out, into = os.pipe()
    failed: list[Exception] = []

    def carry() -> None:
        with os.fdopen(out, "rb") as source:
            try:
                encrypt(source)
            except Exception as error:  # noqa: BLE001  # carried over to the thread that waits, and raised there
                failed.append(error)

    thread = threading.Thread(target=carry, name="age")
    thread.start()
    try:
        with os.fdopen(into, "wb") as stream:
            yield stream
    except BrokenPipeError:
        thread.join()
        if not failed:
            raise
    finally:
        thread.join()
    if failed:
        raise failed[0]


class Entry:
    """One entry of an archive as it goes by; `stream` can be read until the next one is asked for."""

    def __init__(self, name: str, size: int, content_type: str, stream: IO[bytes]) -> None:
        self.name, self.size, self.content_type, self.stream = name, size, content_type, stream

    def json(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self.stream.read())
        except ValueError:
            raise BadBackup("这不是清河的备份文件。") from None
        return found


def read(path: Path, keys: Sequence[Any], visit: Callable[[Entry], None]) -> None:
    """Show every entry in order. Raises BadBackup, at the latest at the end, unless every byte is as it was written."""
    out, into = os.pipe()
    failed: list[Exception] = []

    def carry() -> None:
        try:
            with os.fdopen(into, "wb") as target, path.open("rb") as source:
                pyrage.decrypt_io(source, target, keys)
        except Exception as error:  # noqa: BLE001  # carried over to the thread that waits, and raised there
            failed.append(error)

    thread = threading.Thread(target=carry, name="age")
    thread.start()
    torn: tarfile.TarError | None = None
    try:
        with os.fdopen(out, "rb") as stream:
            try:
                _visit_all(stream, visit)
            except tarfile.TarError as error:
                torn = error
            while stream.read(_PIECE):
                pass  # to the very end, where a cut shows
    finally:
        thread.join()
    if failed:
        raise _in_words(failed[0])
    if torn:
        raise BadBackup("这不是清河的备份文件。")


def _visit_all(stream: BinaryIO, visit: Callable[[Entry], None]) -> None:
    with tarfile.open(fileobj=stream, mode="r|", bufsize=64 * 1024) as tar:
        for found in tar:
            content = tar.extractfile(found)
            if content is None:
                raise BadBackup("这不是清河的备份文件。")
            visit(Entry(found.name, found.size, str(found.pax_headers.get(_CONTENT_TYPE, "")), content))


def _in_words(error: Exception) -> BadBackup:
    if isinstance(error, pyrage.DecryptError):
        return BadBackup("打不开备份文件：密钥不对，或者文件不是清河的备份。")
    if isinstance(error, OSError) and error.errno is not None:
        return BadBackup(f"读不了备份文件：{error.strerror}。")
    return BadBackup("备份文件不完整或被改动过，不能用来恢复；请换另一份备份。")
