"""Qinghe 清河: create_app() is all wiring on one page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apiflask import APIFlask
    from redis import Redis

    from backend.clients.root_places import RootBucket, RootFolder
    from backend.clients.sms import Sms
    from backend.clients.storage import Storage
    from backend.clients.wechat import WeChat
    from backend.counties import Counties
    from backend.limiter import Limiter
    from backend.settings import Settings
    from backend.signing import Signer
    from backend.vault import Vault

# A killed worker's session must not hold on to its locks: the server looks whether the client is still there, and
# ends a transaction that does nothing for longer than any call to the outside may take.
_SESSION = "-c timezone=UTC -c client_connection_check_interval=5s -c idle_in_transaction_session_timeout=300s"


@dataclass
class System:
    """What a process has besides its database: clock, keys, clients, the doorbell. Kept in `app.extensions`."""

    settings: Settings
    clock: Callable[[], datetime]
    vault: Vault
    signer: Signer
    counties: Counties
    redis: Redis
    storage: Storage
    root_places: Sequence[RootBucket | RootFolder]
    wechat: WeChat
    sms: Sms
    limiter: Limiter
    ring: Callable[[], None]


def create_app(settings: Settings | None = None, **doubles: Any) -> APIFlask:
    """The application. `doubles` replace fields of System by name: the clock, in tests."""
    # Imported here, so that importing `backend` does no work and `backend.local` runs without the application.
    from apiflask import APIFlask
    from werkzeug.middleware.proxy_fix import ProxyFix

    from backend import api, desk, errors, logs
    from backend.clients import redis_server
    from backend.clients.root_places import root_places
    from backend.clients.sms import Sms
    from backend.clients.storage import Storage
    from backend.clients.wechat import WeChat
    from backend.counties import Counties
    from backend.extensions import db, migrate
    from backend.limiter import Limiter
    from backend.queue import doorbell
    from backend.settings import load_settings
    from backend.signing import Signer
    from backend.vault import Vault

    settings = settings or load_settings()
    logs.configure()
    app = APIFlask(
        __name__, title="清河 Qinghe", version="1", spec_path="/api/v1/openapi.json", docs_path=None,
        static_folder=None,  # type: ignore[arg-type]
    )  # fmt: skip
    app.config.update(
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS={
            "pool_size": settings.database_pool_size,
            "max_overflow": 2,
            "pool_pre_ping": True,
            "hide_parameters": True,  # an error names the statement, never what somebody wrote
            "pool_recycle": 1800,
            "connect_args": {"connect_timeout": 5, "options": _SESSION},
        },
        MAX_CONTENT_LENGTH=8 * 1024 * 1024,
        SECRET_KEY=settings.secret_key.get_secret_value(),
    )
    db.init_app(app)
    migrate.init_app(app, db)
    redis = redis_server.connect(settings.redis_url)
    parts: dict[str, Any] = {
        "settings": settings,
        "clock": lambda: datetime.now(UTC),
        "vault": Vault(
            settings.identity_keys.get_secret_value().split(","),
            settings.digest_key.get_secret_value(),
            settings.secret_key.get_secret_value(),
        ),
        "signer": Signer(settings.ledger_signing_key.get_secret_value()),
        "counties": Counties(),
        "redis": redis,
        "storage": Storage(settings),
        "root_places": root_places(settings),
        "wechat": WeChat(settings, redis),
        "sms": Sms(settings),
        "limiter": Limiter(settings, redis),
        "ring": doorbell(redis),
    }
    app.extensions["qinghe"] = System(**{**parts, **doubles})
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    errors.install(app)
    desk.install(app)
    api.install(app)
    return app
