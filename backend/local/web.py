"""What gunicorn serves under `make run`: the real application, and the mini program in a browser beside it."""

from __future__ import annotations

from backend import create_app
from backend.local.phone import create_phone, with_phone
from backend.settings import load_settings

_settings = load_settings()
app = with_phone(
    create_app(_settings), create_phone(_settings.wechat_base_url, _settings.s3_public_url, _settings.county_dir)
)
