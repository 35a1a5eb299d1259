"""The data folder: secrets, ports, logs and the lock."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from backend.local.errors import LocalError
from backend.local.folder import Folder
from backend.settings import Settings


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "data")
    made.prepare()
    return made


def test_secrets_are_made_once_and_only_their_owner_reads_them(folder: Folder) -> None:
    first = folder.secrets()
    assert folder.secrets() == first == Folder(folder.path).secrets()
    assert stat.S_IMODE((folder.path / "secrets.json").stat().st_mode) == 0o600


def test_two_folders_share_no_secret(folder: Folder, tmp_path: Path) -> None:
    other = Folder(tmp_path / "other")
    other.prepare()
    assert not set(folder.secrets().values()) & set(other.secrets().values())


def test_secrets_are_what_the_settings_accept(folder: Folder) -> None:
    secrets = folder.secrets()
    settings = Settings.model_validate(
        {name.lower(): value for name, value in secrets.items()}
        | {"database_url": "postgresql://x@y/z", "redis_url": "redis://x", "s3_endpoint": "http://x"}
        | {"s3_public_url": "http://x", "county_dir": "."}
    )
    assert settings.secret_key.get_secret_value() == secrets["SECRET_KEY"]
    assert len(base64.b64decode(secrets["WECHAT_PUSH_AES_KEY"] + "=")) == 32


def test_a_secret_that_a_later_version_needs_is_added_and_the_others_stay(folder: Folder) -> None:
    (folder.path / "secrets.json").write_text('{"SECRET_KEY": "kept"}')
    assert folder.secrets()["SECRET_KEY"] == "kept"
    assert folder.secrets()["SMS_KEY"]


def test_a_torn_secrets_file_is_not_replaced(folder: Folder) -> None:
    (folder.path / "secrets.json").write_text('{"SECRET_KEY": "abc')
    with pytest.raises(LocalError, match="密钥文件已损坏"):
        folder.secrets()
    assert (folder.path / "secrets.json").read_text() == '{"SECRET_KEY": "abc'


def test_a_port_is_kept_until_somebody_else_sits_on_it(folder: Folder) -> None:
    port = folder.port("web")
    assert Folder(folder.path).port("web") == port
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", port))
        somebody.listen()
        moved = folder.port("web")
        assert moved != port
    assert folder.port("web") == moved


def test_a_second_holder_is_told_who_runs_and_where(folder: Folder) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\nfrom backend.local.folder import Folder\nfolder = Folder(sys.argv[1])\n"
            "with folder.lock():\n"
            "    folder.remember('running', {'pid': 4711, 'url': 'http://127.0.0.1:8000'})\n"
            "    print('held', flush=True)\n    sys.stdin.read()",
            str(folder.path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert folder.is_held()
        with pytest.raises(LocalError, match=r"已经在运行（进程 4711）：http://127.0.0.1:8000 ；"), folder.lock():
            pass
        holder.kill()
    # However the holder ended, the lock ended with it.
    assert not folder.is_held()
    with folder.lock():
        assert folder.is_held()


def test_logs_are_kept_for_the_last_starts(folder: Folder) -> None:
    for start in range(8):
        folder.rotate_log("web").write_text(f"start {start}")
    kept = {path.name: path.read_text() for path in folder.logs.iterdir()}
    assert kept["web.log"] == "start 7"
    assert kept["web.1.log"] == "start 6"
    assert kept["web.5.log"] == "start 2"
    assert len(kept) == 6


def test_a_full_disk_is_said_in_one_sentence(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=12_000_000))
    with pytest.raises(LocalError, match=r"^磁盘空间不足：.*只剩 12 MB"):
        folder.prepare()


def test_removing_keeps_the_bootstrap(folder: Folder) -> None:
    folder.secrets()
    (folder.path / "bootstrap").mkdir()
    folder.remove()
    assert os.listdir(folder.path) == ["bootstrap"]  # noqa: PTH208
