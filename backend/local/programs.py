"""Our own processes, the commands that set a system up, and the environment that all of them read."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping

from backend.local import ports
from backend.local.errors import LocalError
from backend.local.folder import CHECKOUT, Folder
from backend.local.process import Program, listens, python, python_env

COUNTY = CHECKOUT / "config" / "county" / "qingyuan"

MIGRATE: tuple[str, ...] = ("-m", "backend.cli", "db", "upgrade")
LOAD_COUNTY: tuple[str, ...] = ("-m", "backend.cli", "county", "load", str(COUNTY))
DEMO_SETUP: tuple[str, ...] = ("-m", "backend.cli", "demo", "setup")
DEMO_SIGN_INS: tuple[str, ...] = ("-m", "backend.cli", "demo", "sign-ins")
DEMO: tuple[str, ...] = ("-m", "backend.local.demo")
SETUP = (MIGRATE, LOAD_COUNTY)

# The servers, each with the variable by which the user brings one of their own.
SERVICES = {"postgres": "DATABASE_URL", "redis": "REDIS_URL", "s3": "S3_ENDPOINT"}
TITLES = {"postgres": "PostgreSQL", "redis": "Redis", "s3": "S3 对象存储"}

_SECRETS = (
    "SECRET_KEY",
    "IDENTITY_KEYS",
    "DIGEST_KEY",
    "LEDGER_SIGNING_KEY",
    "WECHAT_APP_ID",
    "WECHAT_APP_SECRET",
    "WECHAT_PUSH_TOKEN",
    "WECHAT_PUSH_AES_KEY",
    "SMS_KEY",
)


def base_env(folder: Folder, environ: Mapping[str, str]) -> dict[str, str]:
    """The settings that need no server: secrets, county, WeChat stand-in. What the user set wins."""
    secrets = folder.secrets()
    stand_in = f"http://{ports.LOOPBACK}:{folder.port('wechat')}"
    ours = {
        **{name: secrets[name] for name in _SECRETS},
        "S3_BUCKET": "qinghe",
        "LEDGER_ROOTS_DIR": str(folder.path / "ledger-roots"),
        "COUNTY_DIR": str(COUNTY),
        "WECHAT_BASE_URL": stand_in,
        "WECHAT_TEMPLATES": '{"default": "T-case"}',  # the stand-in knows every template until told of some
        "SMS_BASE_URL": stand_in,
    }
    return {name: environ.get(name) or value for name, value in ours.items()}


def own_server_env(name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The settings of a server that the user brought. Raises LocalError when a part of them is missing."""
    if name == "postgres":
        url = environ["DATABASE_URL"]
        return {"DATABASE_URL": url, "MIGRATE_DATABASE_URL": environ.get("MIGRATE_DATABASE_URL") or url}
    if name == "redis":
        return {"REDIS_URL": environ["REDIS_URL"]}
    for needed in ("S3_ACCESS_KEY", "S3_SECRET_KEY"):
        if not environ.get(needed):
            raise LocalError(f"设置了 S3_ENDPOINT 却没有设置 {needed}；三个变量要一起给出。")
    endpoint = environ["S3_ENDPOINT"]
    return {
        "S3_ENDPOINT": endpoint,
        "S3_PUBLIC_URL": environ.get("S3_PUBLIC_URL") or endpoint,
        "S3_ACCESS_KEY": environ["S3_ACCESS_KEY"],
        "S3_SECRET_KEY": environ["S3_SECRET_KEY"],
    }


def needs_stand_in(folder: Folder, env: Mapping[str, str]) -> bool:
    """Whether WeChat or SMS is played by the stand-in."""
    stand_in = f"http://{ports.LOOPBACK}:{folder.remembered('ports').get('wechat')}"
    return stand_in in (env["WECHAT_BASE_URL"], env["SMS_BASE_URL"])


def wechat(folder: Folder, env: Mapping[str, str]) -> Program:
    """The stand-in for WeChat and the SMS gateway."""
    port = folder.remembered("ports")["wechat"]
    return Program(
        name="wechat",
        title="微信与短信替身",
        command=python("-m", "backend.local.wechat", "--port", str(port)),
        env=python_env(env),
        ready=lambda: listens(folder, "wechat", port),
        ports=(port,),
    )


def web(folder: Folder, env: Mapping[str, str]) -> Program:
    """The web server at HOST and PORT of the environment."""
    port = int(env["PORT"])
    healthy = _healthy(ports.LOOPBACK if env["HOST"] in ("0.0.0.0", "::") else env["HOST"], port)
    return Program(
        name="web",
        title="网站",
        command=python("-m", "gunicorn", "-c", "config/gunicorn.py", "backend.local.web:app"),
        env=python_env(env),
        # Its own: what answers at this port may be another checkout that was faster.
        ready=lambda: listens(folder, "web", port) and healthy(),
        stop_within_s=15,
        ports=(port,),
    )


def worker(number: int, env: Mapping[str, str]) -> Program:
    """One of the workers that do what the doorbell announces."""
    return Program(
        name=f"worker-{number}",
        title=f"后台任务 {number}",
        command=python("-m", "backend.worker"),
        env=python_env(env),
        stop_within_s=15,
    )


def scheduler(env: Mapping[str, str]) -> Program:
    """The one process that rings at fixed times."""
    return Program(
        name="scheduler",
        title="定时任务",
        command=python("-m", "backend.schedule"),
        env=python_env(env),
    )


def _healthy(host: str, port: int) -> Callable[[], bool]:
    def healthy() -> bool:
        connection = http.client.HTTPConnection(host, port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return healthy
