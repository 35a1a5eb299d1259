"""The HTTP interface: one blueprint per noun."""

from __future__ import annotations

from apiflask import APIFlask


def install(app: APIFlask) -> None:
    """Register every blueprint, then close the door with the table of access."""
    from backend.api import (
        access,
        accounts,
        assessments,
        batches,
        boards,
        cases,
        checkpoints,
        county,
        delegations,
        desk_scans,
        duties,
        emergency,
        entries,
        erasure,
        evidence,
        exports,
        extensions,
        findings,
        follow_ups,
        handovers,
        identity,
        imports,
        inflate,
        inspections,
        intake_plans,
        ledger,
        measures,
        notices,
        openapi,
        ops,
        orders,
        patrol_export,
        patrol_ground,
        patrol_lists,
        patrols,
        photos,
        playback,
        public,
        receipt,
        reminders,
        reports,
        risk_sources,
        roots,
        roster,
        session,
        supervision,
        verdicts,
        wechat,
    )

    modules = (
        accounts,
        assessments,
        batches,
        boards,
        cases,
        checkpoints,
        county,
        delegations,
        desk_scans,
        duties,
        emergency,
        entries,
        erasure,
        evidence,
        exports,
        extensions,
        findings,
        follow_ups,
        handovers,
        identity,
        imports,
        inspections,
        intake_plans,
        ledger,
        measures,
        notices,
        orders,
        patrol_export,
        patrol_ground,
        patrol_lists,
        patrols,
        photos,
        playback,
        public,
        receipt,
        reminders,
        reports,
        risk_sources,
        roots,
        roster,
        session,
        supervision,
        verdicts,
    )
    for module in modules:
        app.register_blueprint(module.bp, url_prefix="/api/v1")
    app.register_blueprint(ops.bp)
    app.register_blueprint(boards.link_bp)
    app.register_blueprint(wechat.bp)
    access.install(app)
    inflate.install(app)
    openapi.install(app)
