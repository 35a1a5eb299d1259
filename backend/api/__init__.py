"""The HTTP interface: one blueprint per noun."""

from __future__ import annotations

from apiflask import APIFlask


def install(app: APIFlask) -> None:
    """Register every blueprint, then close the door with the table of access."""
    from backend.api import (
        access,
        cases,
        county,
        ledger,
        notices,
        ops,
        photos,
        receipt,
        reports,
        roster,
        session,
        wechat,
    )

    for module in (cases, county, ledger, notices, photos, receipt, reports, roster, session):
        app.register_blueprint(module.bp, url_prefix="/api/v1")
    app.register_blueprint(ops.bp)
    app.register_blueprint(wechat.bp)
    access.install(app)
