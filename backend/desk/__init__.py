"""The county desk 电脑端 under /desk: pages rendered here, over the same domain as the API. See docs/desk.md."""

from __future__ import annotations

from apiflask import APIBlueprint, APIFlask


def install(app: APIFlask) -> None:
    """Register every page under one blueprint, whose door, headers and errors hold for all of them."""
    from backend.desk import (
        account,
        assessment,
        boards,
        calendars,
        cases,
        door,
        enrol,
        errors,
        home,
        imports,
        ledger,
        pages,
        patrols,
        queues,
        roster,
        rules,
        setup,
        sign_in,
        situation,
        static_files,
        targets,
        triage,
    )

    desk = APIBlueprint("desk", __name__, template_folder="templates", enable_openapi=False)
    for module in (
        account, assessment, boards, calendars, cases, enrol, home, imports, ledger, patrols, queues, roster, rules,
        setup, sign_in, situation, static_files, targets, triage,
    ):  # fmt: skip
        desk.register_blueprint(module.bp)
    door.install(desk)
    errors.install(desk)
    pages.install(app, desk)
    app.register_blueprint(desk, url_prefix="/desk")
