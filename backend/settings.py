"""Environment → Settings. A missing or weak secret refuses to start."""

from __future__ import annotations

import base64
import os
from pathlib import Path

from limits import parse_many
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from backend.archive_file import recipients
from backend.signing import BadKey, Signer, read_keys


class SettingsError(Exception):
    """The environment does not describe a system that can run; the text names each variable and what to do."""


class Settings(BaseSettings):
    """Everything that differs between two installations and is not a rule of the county."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    # Servers
    database_url: str = Field(description="postgresql://user:password@host:port/name")
    redis_url: str = Field(description="redis://:password@host:port/0")
    s3_endpoint: str = Field(description="http(s)://host:port as the server reaches object storage")
    s3_public_url: str = Field(description="http(s)://host as phones reach object storage; forms are signed for it")
    s3_access_key: str
    s3_secret_key: SecretStr
    s3_bucket: str = "qinghe"
    s3_region: str = "us-east-1"

    # Secrets of our own
    secret_key: SecretStr = Field(description="at least 32 characters; signs receipts and upload grants")
    identity_keys: SecretStr = Field(
        description="comma-separated Fernet keys that seal identities; the first one seals, all of them open"
    )
    digest_key: SecretStr = Field(
        description="at least 32 characters; keys the digests by which openids and phones are looked up; never rotates"
    )

    # Roots of the ledger
    ledger_signing_key: SecretStr = Field(
        description="Ed25519 private key that signs the ledger's roots; qinghe ledger new-key makes one"
    )
    ledger_public_keys: str = Field(
        default="", description="comma-separated public keys of earlier signing keys, by which old roots are checked"
    )
    ledger_roots_dir: Path | None = Field(
        default=None, description="folder for the ledger's roots, best a mount that this machine can only add to"
    )
    ledger_roots_keep_days: int = Field(default=3650, ge=1, description="how long object storage must keep a root")
    s3_roots_bucket: str = "qinghe-roots"

    # Backups
    backup_recipients: str = Field(
        default="",
        description="comma-separated age public keys to which backups are sealed; qinghe backup-key makes one",
    )

    # WeChat and SMS
    wechat_app_id: str
    wechat_app_secret: SecretStr
    wechat_push_token: SecretStr
    wechat_push_aes_key: SecretStr
    wechat_base_url: str = "https://api.weixin.qq.com"
    wechat_templates: dict[str, str] = Field(
        default_factory=dict,
        description="JSON object: kind of notice → id of the subscription-message template",
    )
    sms_base_url: str = Field(default="", description="empty: no SMS channel; notices say so")
    sms_key: SecretStr = SecretStr("")

    # How often, by account or by address; see backend/limiter.py. Many phones share the address of a mobile gateway.
    limit_sign_in: str = Field(default="120/minute;1200/hour", description="signing in and binding, per address")
    limit_binding: str = Field(default="5 per 15 minute;10/day", description="binding codes tried, per account")
    limit_binding_address: str = Field(default="200/hour", description="binding codes tried, per address")
    limit_desk_scan: str = Field(default="30 per 15 minute", description="codes of the desk answered, per account")
    limit_desk_door: str = Field(default="60/minute;600/hour", description="the desk's sign-in pages, per address")
    limit_desk_password: str = Field(default="8 per 15 minute;30/day", description="passwords tried, per person")
    limit_receipt: str = Field(default="60/minute;600/hour", description="uses of receipt codes, per address")
    limit_upload: str = Field(default="120/minute;1200/hour", description="upload forms, per address")
    limit_supplement: str = Field(default="30/hour;100/day", description="words added to reports, per account")
    limit_public: str = Field(default="1200/minute;20000/hour", description="what anybody may see, per address")
    limit_report: str = Field(default="20/hour;60/day", description="reports signed in, per account")
    limit_report_anonymous: str = Field(default="60/hour;300/day", description="anonymous reports, per address")

    # The county
    county_dir: Path = Field(description="folder with county.toml and its companions")

    # Web
    tianditu_key: str = Field(
        default="", description="key of 天地图 for browsers; empty: maps without background tiles"
    )
    public_url: str = Field(default="http://127.0.0.1:8000", description="as phones reach this API")
    trusted_proxies: int = Field(default=0, ge=0, description="how many reverse proxies stand before the web server")
    database_pool_size: int = Field(default=8, ge=1)

    @field_validator("database_url")
    @classmethod
    def _psycopg3(cls, url: str) -> str:
        for prefix in ("postgresql://", "postgres://"):
            if url.startswith(prefix):
                return "postgresql+psycopg://" + url.removeprefix(prefix)
        if not url.startswith("postgresql+psycopg://"):
            raise ValueError("only PostgreSQL is supported: postgresql://user:password@host:port/name")
        return url

    @field_validator("secret_key", "digest_key")
    @classmethod
    def _long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 32:
            raise ValueError("must be at least 32 random characters")
        return value

    @field_validator(
        "limit_sign_in", "limit_binding", "limit_binding_address", "limit_desk_scan", "limit_desk_door",
        "limit_desk_password", "limit_receipt", "limit_upload", "limit_supplement", "limit_report",
        "limit_report_anonymous", "limit_public",
    )  # fmt: skip
    @classmethod
    def _limit(cls, value: str) -> str:
        try:
            if value:
                parse_many(value)
        except ValueError as error:
            raise ValueError('is no limit like "20/hour;60/day"; empty means none') from error
        return value

    @field_validator("identity_keys")
    @classmethod
    def _fernet_keys(cls, value: SecretStr) -> SecretStr:
        keys = [key.strip() for key in value.get_secret_value().split(",") if key.strip()]
        if not keys:
            raise ValueError("needs at least one Fernet key")
        for key in keys:
            try:
                raw = base64.urlsafe_b64decode(key.encode())
            except ValueError as error:
                raise ValueError("each key must be 32 bytes in URL-safe base64 (a Fernet key)") from error
            if len(raw) != 32:
                raise ValueError("each key must be 32 bytes in URL-safe base64 (a Fernet key)")
        return value

    @field_validator("ledger_signing_key")
    @classmethod
    def _ed25519_key(cls, value: SecretStr) -> SecretStr:
        try:
            Signer(value.get_secret_value())
        except BadKey as error:
            raise ValueError("must be 32 bytes in URL-safe base64 (an Ed25519 private key)") from error
        return value

    @field_validator("ledger_public_keys")
    @classmethod
    def _ed25519_public_keys(cls, value: str) -> str:
        read_keys(value)
        return value

    @field_validator("backup_recipients")
    @classmethod
    def _age_public_keys(cls, value: str) -> str:
        recipients(value)
        return value

    @field_validator("ledger_roots_dir", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None


def load_settings() -> Settings:
    """Read Settings from the environment. Raises SettingsError with one line per fault, values never shown."""
    try:
        return Settings()  # type: ignore[call-arg]  # the fields come from the environment
    except ValidationError as error:
        lines = []
        for fault in error.errors(include_input=False, include_url=False):
            name = str(fault["loc"][0]).upper() if fault["loc"] else "?"
            known = Settings.model_fields.get(str(fault["loc"][0])) if fault["loc"] else None
            reason = "is not set" if fault["type"] == "missing" else fault["msg"].removeprefix("Value error, ")
            hint = f" ({known.description})" if known is not None and known.description else ""
            lines.append(f"{name} {reason}{hint}")
        raise SettingsError("the environment is incomplete:\n  " + "\n  ".join(lines)) from None


def owner_settings() -> Settings:
    """The same, but as the owner of the database where MIGRATE_DATABASE_URL names one."""
    settings, owner = load_settings(), os.environ.get("MIGRATE_DATABASE_URL")
    if not owner:
        return settings
    return settings.__class__.model_validate({**settings.model_dump(), "database_url": owner})
