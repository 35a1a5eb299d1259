"""`python -m backend.local.openapi FILE`: the description of the HTTP interface, written without any server.

From it the mini program's types are made, at every build, so that they cannot be stale.
"""

from __future__ import annotations

import base64
import json
import secrets
import sys
from pathlib import Path

from backend import create_app
from backend.local.programs import COUNTY
from backend.settings import Settings


def describe() -> dict[str, object]:
    """The OpenAPI document. The settings are made up: nothing is connected to."""
    key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    made_up = {
        name: f"nobody-{secrets.token_hex(16)}"
        for name, field in Settings.model_fields.items()
        if field.is_required() and name not in ("database_url", "redis_url", "county_dir", "identity_keys")
    }
    settings = Settings.model_validate(
        {
            **made_up,
            "database_url": "postgresql://nobody@127.0.0.1:9/nowhere",
            "redis_url": "redis://127.0.0.1:9/0",
            "s3_endpoint": "http://127.0.0.1:9",
            "s3_public_url": "http://127.0.0.1:9",
            "identity_keys": key,
            "ledger_signing_key": key,
            "county_dir": COUNTY,
        }
    )
    app = create_app(settings)
    with app.app_context():
        document = app.spec
    assert isinstance(document, dict)  # APIFlask gives text only where SPEC_FORMAT says so
    return document


def main() -> None:
    Path(sys.argv[1]).write_text(json.dumps(describe(), ensure_ascii=False, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
