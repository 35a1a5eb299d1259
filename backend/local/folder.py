"""The data folder of one local system: its secrets, its ports, its logs and the lock that says who runs it."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import string
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from backend.local import ports
from backend.local.errors import LocalError

CHECKOUT = Path(__file__).resolve().parents[2]

_LOGS_KEPT = 5
_ENOUGH_SPACE_MB = 300


class Folder:
    """A data folder, by default `.local` of the checkout. Made at first use, found again at the next start."""

    def __init__(self, path: Path | str = CHECKOUT / ".local") -> None:
        self.path = Path(path).resolve()

    def prepare(self) -> None:
        """Make the folder. Raises LocalError when it cannot be written or the disk is full."""
        for path, mode in ((self.path, 0o755), (self.logs, 0o700), (self.run, 0o700)):
            if not path.exists():
                path.mkdir(parents=True, exist_ok=True)
                path.chmod(mode)
        if not os.access(self.path, os.W_OK):
            raise LocalError(f"数据目录不可写：{self.path}（它属于别的用户？）")
        free_mb = shutil.disk_usage(self.path).free // 1_000_000
        if free_mb < _ENOUGH_SPACE_MB:
            raise LocalError(f"磁盘空间不足：{self.path} 只剩 {free_mb} MB，至少需要 {_ENOUGH_SPACE_MB} MB。")

    @property
    def logs(self) -> Path:
        """One file per process and start."""
        return self.path / "logs"

    @property
    def run(self) -> Path:
        """What only holds while the system runs."""
        return self.path / "run"

    # -- who runs it

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for this process; the system drops the lock when the process ends, however it ends.

        Raises LocalError, with the address of the running one, when another process holds it.
        """
        with (self.run / "lock").open("a") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                running = self.remembered("running")
                where = f"：{running['url']} " if running.get("url") else "，还没有就绪"
                who = f"（进程 {running['pid']}）" if running.get("pid") else ""
                raise LocalError(
                    f"这个目录里的清河已经在运行{who}{where}；要停下它，请在它的终端里按 Ctrl-C。"
                ) from None
            self.forget("running")
            self.remember("running", {"pid": os.getpid()})
            try:
                yield
            finally:
                self.forget("running")

    def is_held(self) -> bool:
        """Whether a process holds the folder now."""
        try:
            with (self.run / "lock").open("a") as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    # -- small facts

    def remembered(self, name: str) -> dict[str, Any]:
        """The JSON object kept under a name, empty when there is none or it was torn by a crash."""
        try:
            found = json.loads((self.run / f"{name}.json").read_text("utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def remember(self, name: str, fact: dict[str, Any]) -> None:
        """Keep a JSON object under a name, whole or not at all."""
        _write_private(self.run / f"{name}.json", json.dumps(fact, ensure_ascii=False, indent=1))

    def forget(self, name: str) -> None:
        """Drop what is kept under a name."""
        (self.run / f"{name}.json").unlink(missing_ok=True)

    # -- ports

    def port(self, name: str) -> int:
        """The port remembered under a name, or a fresh one when there is none or somebody else sits on it."""
        known = self.remembered("ports")
        port = known.get(name)
        if not isinstance(port, int) or not ports.is_free(port):
            port = ports.pick(avoid={value for value in known.values() if isinstance(value, int)})
            self.remember("ports", {**known, name: port})
        return port

    def keep_port(self, name: str, port: int) -> None:
        """Remember a port that was chosen elsewhere."""
        self.remember("ports", {**self.remembered("ports"), name: port})

    # -- secrets

    def secrets(self) -> dict[str, str]:
        """Every secret of the local system by its environment name; generated once, file mode 0600.

        Raises LocalError when the file is there and cannot be read: sealed data would be lost by making new ones.
        """
        path = self.path / "secrets.json"
        try:
            known: dict[str, str] = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            known = {}
        except ValueError:
            raise LocalError(f"密钥文件已损坏：{path}；请从备份恢复，或用 make clean 清空演示数据。") from None
        missing = {name: make() for name, make in _SECRETS.items() if name not in known}
        if missing:
            known |= missing
            _write_private(path, json.dumps(known, indent=1))
        return known

    # -- logs

    def rotate_log(self, name: str) -> Path:
        """Begin a new log for a process: NAME.log becomes NAME.1.log and so on, the oldest goes. Returns NAME.log."""
        for age in range(_LOGS_KEPT, 0, -1):
            older = self.logs / f"{name}.{age}.log"
            newer = self.logs / (f"{name}.{age - 1}.log" if age > 1 else f"{name}.log")
            if newer.exists():
                newer.replace(older)
        return self.log(name)

    def log(self, name: str) -> Path:
        """The log of a process in its present start."""
        return self.logs / f"{name}.log"

    # -- places outside

    def outside(self) -> Path:
        """Where PostgreSQL keeps data when root runs us and the account it drops to cannot enter the folder."""
        for parent in (Path("/var/lib"), Path("/var/tmp")):
            if os.access(parent, os.W_OK):
                return parent / "qinghe" / hashlib.sha256(str(self.path).encode()).hexdigest()[:16]
        raise LocalError(f"PostgreSQL 不能以 root 运行，而 {self.path} 对普通账号不可读：请把检出放到别处，例如 /opt。")

    def remove(self) -> None:
        """Delete the data: all of it except the bootstrap of the Makefile, which holds none."""
        if os.geteuid() == 0:
            shutil.rmtree(self.outside(), ignore_errors=True)
        for path in self.path.glob("*"):
            if path.name == "bootstrap":
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
        handle.write(text + "\n")
    draft.replace(path)


def _word() -> str:
    return secrets.token_urlsafe(36)


def _letters(length: int) -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))


# Passwords stand in URLs and in redis.conf: letters and digits only.
_SECRETS = {
    "SECRET_KEY": _word,
    "IDENTITY_KEYS": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),  # one Fernet key
    "DIGEST_KEY": _word,
    "LEDGER_SIGNING_KEY": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),  # an Ed25519 key
    "POSTGRES_PASSWORD": lambda: _letters(32),
    "POSTGRES_OWNER_PASSWORD": lambda: _letters(32),
    "POSTGRES_APP_PASSWORD": lambda: _letters(32),
    "REDIS_PASSWORD": lambda: _letters(32),
    "S3_ACCESS_KEY": lambda: _letters(20),
    "S3_SECRET_KEY": lambda: _letters(40),
    "WECHAT_APP_ID": lambda: "wx" + secrets.token_hex(8),
    "WECHAT_APP_SECRET": lambda: secrets.token_hex(16),
    "WECHAT_PUSH_TOKEN": lambda: _letters(24),
    "WECHAT_PUSH_AES_KEY": lambda: _letters(43),  # WeChat's EncodingAESKey: 43 letters and digits
    "SMS_KEY": _word,
}
