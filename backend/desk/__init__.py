"""The county desk 电脑端 under /desk: pages rendered here, over the same domain as the API. See docs/desk.md."""

from __future__ import annotations

from apiflask import APIBlueprint, APIFlask


def install(app: APIFlask) -> None:
    """Register every page under one blueprint, whose door, headers and errors hold for all of them."""
    from backend.desk import (
        account,
        cases,
        door,
        enrol,
        errors,
        home,
        ledger,
        pages,
        patrols,
        queues,
        sign_in,
        situation,
        static_files,
        triage,
    )

    desk = APIBlueprint("desk", __name__, template_folder="templates", enable_openapi=False)
    for module in (account, cases, enrol, home, ledger, patrols, queues, sign_in, situation, static_files, triage):
        desk.register_blueprint(module.bp)
    door.install(desk)
    errors.install(desk)
    pages.install(app, desk)
    app.register_blueprint(desk, url_prefix="/desk")
