"""Who may call what: one table over all endpoints. An endpoint that is not in it keeps the application from starting.

What somebody may see or do of one case, report or photo is decided by the domain (visible, capacities, claims).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flask import Flask, current_app, g, request

from backend.clock import shanghai_day
from backend.domain import deputies, patrols, people
from backend.domain.actors import NOBODY, Actor
from backend.domain.faults import Forbidden, Unauthenticated
from backend.limiter import network_of
from backend.models import SignIn
from backend.work import Work, unit_of_work

if TYPE_CHECKING:
    from backend import System

# public: anybody · receipt: a valid receipt code · signed_in: any account · official: a role on the roster ·
# office: the county river-chief office ·
# grant: the chief of the patrol in the address, by the grant that its start handed out (`Patrol-Grant`: it outlives
# sign-out, an expired token and the end of office) or signed in, with an office or without one any more
# desk:public · desk:official · desk:office: pages of the desk, by its cookie instead of a token (backend/desk/door.py)
ACCESS: dict[str, str] = {
    "openapi.spec": "public",
    "ops.healthz": "public",
    "ops.readyz": "public",
    "ops.metrics": "public",
    "county.show": "public",
    "wechat.verify_push": "public",
    "wechat.receive_push": "public",
    "session.sign_in": "public",
    "session.show": "signed_in",
    "session.choose_role": "signed_in",
    "session.sign_out": "signed_in",
    "session.sign_out_everywhere": "signed_in",
    "accounts.outlook": "signed_in",
    "accounts.close": "signed_in",
    "session.bind_phone": "signed_in",
    "session.bind_code": "signed_in",
    "photos.request_upload": "public",
    "photos.tell_uploaded": "public",
    "photos.show": "public",
    "reports.submit": "public",
    "reports.listing": "signed_in",
    "reports.show": "signed_in",
    "reports.supplement": "signed_in",
    "reports.rate": "signed_in",
    "reports.withdraw": "signed_in",
    "receipt.show": "receipt",
    "receipt.supplement": "receipt",
    "receipt.rate": "receipt",
    "receipt.withdraw": "receipt",
    "receipt.act": "receipt",
    "reports.act": "signed_in",
    "identity.look": "office",
    "identity.listing": "official",
    "erasure.erase": "office",
    "cases.listing": "official",
    "ledger.counts": "official",
    "entries.enter": "office",
    "imports.preview": "office",
    "imports.listing": "office",
    "imports.show": "office",
    "imports.rows": "office",
    "imports.carry_out": "office",
    "imports.cancel": "office",
    "imports.withdraw": "office",
    "orders.listing": "office",
    "orders.answer": "office",
    "orders.files": "office",
    "orders.fetch": "office",
    "exports.at_once": "official",
    "exports.ask": "official",
    "exports.listing": "official",
    "exports.show": "official",
    "exports.cancel": "official",
    "roots.listing": "public",
    "cases.show": "official",
    "cases.events": "official",
    "cases.duplicates": "official",
    "cases.act": "official",
    "evidence.show": "official",
    "follow_ups.listing": "official",
    "follow_ups.of_case": "official",
    "follow_ups.draws": "official",
    "follow_ups.draw": "official",
    "risk_sources.listing": "official",
    "risk_sources.show": "official",
    "risk_sources.register": "office",
    "risk_sources.change": "office",
    "risk_sources.history": "official",
    "inspections.of_source": "official",
    "inspections.record": "official",
    "intake_plans.show": "official",
    "intake_plans.write": "office",
    "intake_plans.add_measure": "office",
    "measures.listing": "official",
    "measures.show": "official",
    "measures.change": "office",
    "measures.act": "official",
    "extensions.listing": "official",
    "delegations.listing": "official",
    "delegations.make": "official",
    "delegations.end": "official",
    "delegations.colleagues": "official",
    "handovers.listing": "official",
    "handovers.stranded": "office",
    "handovers.of_person": "official",
    "handovers.of_unit": "office",
    "notices.listing": "signed_in",
    "notices.read": "signed_in",
    "notices.consent": "signed_in",
    "findings.take": "grant",
    "findings.waiting": "official",
    "findings.confirm": "official",
    "checkpoints.visit": "grant",
    "checkpoints.listing": "official",
    "patrol_export.archive": "office",
    "assessments.trend": "official",
    "assessments.show": "official",
    "assessments.score": "official",
    "assessments.summons": "official",
    "assessments.sheet": "office",
    "assessments.publish": "office",
    "assessments.correct": "office",
    "duties.mine": "official",
    "duties.listing": "official",
    "duties.behind": "official",
    "duties.completion": "official",
    "duties.summary": "official",
    "duties.sheet": "official",
    "duties.remind": "official",
    "patrol_ground.show": "official",
    "patrol_lists.listing": "official",
    "patrol_lists.live": "official",
    "patrol_lists.companions": "official",
    "patrol_lists.show": "official",
    "patrol_lists.decline": "official",
    "playback.as_geojson": "official",
    "playback.as_gpx": "official",
    "board_link.show": "public",
    "boards.listing": "office",
    "boards.code": "office",
    "boards.sheet": "office",
    "public.listing": "public",
    "public.show": "public",
    "public.picture": "public",
    "public.pins": "public",
    "public.counts": "public",
    "public.reaches": "public",
    "public.reach": "public",
    "public.board": "public",
    "public.decision": "office",
    "public.decide": "office",
    "verdicts.explain": "official",
    "verdicts.appeal": "official",
    "verdicts.decide": "office",
    "patrols.start": "grant",
    "batches.take_batch": "grant",
    "patrols.attach_photo": "grant",
    "patrols.finish": "grant",
    "patrols.held": "grant",
    "reminders.listing": "official",
    "reminders.remind": "official",
    "reminders.reply": "official",
    "emergency.plans": "official",
    "emergency.timeline": "official",
    "emergency.add": "official",
    "supervision.listing": "official",
    "supervision.show": "official",
    "supervision.reply": "official",
    "supervision.accept": "official",
    "supervision.send_back": "official",
    "supervision.end": "official",
    "desk_scans.show": "official",
    "desk_scans.confirm": "official",
    "desk_scans.refuse": "official",
    "roster.listing": "office",
    "roster.import_file": "office",
    "roster.new_binding_code": "office",
    "desk.missing": "desk:public",
    "desk.static_files.show": "desk:public",
    "desk.sign_in.show": "desk:public",
    "desk.sign_in.code": "desk:public",
    "desk.sign_in.poll": "desk:public",
    "desk.sign_in.finish": "desk:public",
    "desk.sign_in.scanned": "desk:public",
    "desk.sign_in.by_password": "desk:public",
    "desk.enrol.ask": "desk:public",
    "desk.enrol.start": "desk:public",
    "desk.enrol.finish": "desk:public",
    "desk.home.show": "desk:official",
    "desk.ledger.listing": "desk:official",
    "desk.ledger.remind": "desk:official",
    "desk.ledger.keep_view": "desk:official",
    "desk.ledger.drop_view": "desk:official",
    "desk.ledger.export": "desk:official",
    "desk.ledger.exported": "desk:official",
    "desk.ledger.cancel_export": "desk:official",
    "desk.situation.show": "desk:official",
    "desk.situation.county": "desk:official",
    "desk.situation.layers": "desk:official",
    "desk.triage.show": "desk:office",
    "desk.queues.letters": "desk:official",
    "desk.queues.decide_letter": "desk:official",
    "desk.queues.look_backs": "desk:official",
    "desk.queues.asked_extensions": "desk:official",
    "desk.queues.patrol_appeals": "desk:official",
    "desk.queues.decide_appeal": "desk:office",
    "desk.patrols.matrix": "desk:official",
    "desk.patrols.sheet": "desk:official",
    "desk.patrols.ask_to_remind": "desk:official",
    "desk.patrols.remind": "desk:official",
    "desk.patrols.walked": "desk:official",
    "desk.patrols.show": "desk:official",
    "desk.patrols.track": "desk:official",
    "desk.patrols.track_file": "desk:official",
    "desk.assessment.show": "desk:official",
    "desk.assessment.score": "desk:official",
    "desk.assessment.publish": "desk:office",
    "desk.assessment.correct": "desk:office",
    "desk.assessment.sheet": "desk:office",
    "desk.assessment.paper": "desk:office",
    "desk.cases.show": "desk:official",
    "desk.cases.act": "desk:official",
    "desk.cases.look": "desk:office",
    "desk.cases.paper": "desk:official",
    "desk.imports.listing": "desk:office",
    "desk.imports.upload": "desk:office",
    "desk.imports.template": "desk:office",
    "desk.imports.show": "desk:office",
    "desk.imports.faults": "desk:office",
    "desk.imports.decide": "desk:office",
    "desk.roster.listing": "desk:office",
    "desk.roster.issue": "desk:office",
    "desk.roster.revoke": "desk:office",
    "desk.roster.template": "desk:office",
    "desk.roster.upload": "desk:office",
    "desk.roster.preview": "desk:office",
    "desk.roster.faults": "desk:office",
    "desk.roster.decide": "desk:office",
    "desk.boards.listing": "desk:office",
    "desk.boards.printed": "desk:office",
    "desk.boards.picture": "desk:office",
    "desk.calendars.show": "desk:office",
    "desk.rules.versions": "desk:office",
    "desk.rules.version": "desk:office",
    "desk.rules.folder": "desk:office",
    "desk.rules.restore": "desk:office",
    "desk.rules.edit": "desk:office",
    "desk.rules.write": "desk:office",
    "desk.rules.upload": "desk:office",
    "desk.rules.draft": "desk:office",
    "desk.rules.faults": "desk:office",
    "desk.rules.confirm": "desk:office",
    "desk.rules.drop": "desk:office",
    "desk.setup.show": "desk:office",
    "desk.targets.show": "desk:official",
    "desk.targets.one": "desk:official",
    "desk.targets.enter": "desk:official",
    "desk.targets.make": "desk:office",
    "desk.targets.rewrite": "desk:office",
    "desk.targets.end": "desk:office",
    "desk.account.show": "desk:official",
    "desk.account.choose_role": "desk:official",
    "desk.account.end_session": "desk:official",
    "desk.account.end_others": "desk:official",
    "desk.account.sign_out": "desk:official",
    "desk.account.entries": "desk:office",
}

# endpoint → the limits (Settings `limit_<name>`) that a call counts against, and whose they are. What is not said here:
# reports.submit counts reports taken in, not repeats; see `count_report`.
LIMITED: dict[str, tuple[tuple[str, str], ...]] = {
    "session.sign_in": (("sign_in", "address"),),
    "session.bind_phone": (("sign_in", "address"),),
    "session.bind_code": (("binding", "account"), ("binding_address", "address")),
    "desk_scans.show": (("desk_scan", "account"),),
    "desk_scans.confirm": (("desk_scan", "account"),),
    "desk.sign_in.code": (("desk_door", "address"),),
    "desk.sign_in.by_password": (("desk_door", "address"),),
    "desk.enrol.start": (("binding_address", "address"),),
    "desk.enrol.finish": (("binding_address", "address"),),
    "photos.request_upload": (("upload", "address"),),
    "reports.supplement": (("supplement", "account"),),
    "receipt.show": (("receipt", "address"),),
    "receipt.supplement": (("receipt", "address"),),
    "receipt.rate": (("receipt", "address"),),
    "receipt.act": (("receipt", "address"),),
    "board_link.show": (("public", "address"),),
    **{
        f"public.{name}": (("public", "address"),)
        for name in ("listing", "show", "picture", "pins", "counts", "reaches", "reach", "board")
    },
}


def install(app: Flask) -> None:
    """Check the table against the URL map, and enforce it before every request."""
    endpoints = {rule.endpoint for rule in app.url_map.iter_rules()}
    missing = endpoints - ACCESS.keys()
    if missing:
        raise RuntimeError(f"endpoints without an entry in ACCESS: {sorted(missing)}")

    @app.before_request
    def admit() -> None:
        needed = ACCESS.get(request.endpoint or "", "public")
        g.sign_in_id, g.actor = None, NOBODY
        if needed.startswith("desk:"):
            return  # the desk has a door of its own
        if needed == "grant":
            g.actor = _uploader()
            return
        token = bearer()
        if token:
            with unit_of_work() as work:
                row = people.current(work, token)
                g.sign_in_id, g.actor = row.id, deputies.with_stand_ins(work, people.actor_of(row))
        actor: Actor = g.actor
        if needed in ("signed_in", "official", "office") and actor.account_id is None:
            raise Unauthenticated("unauthenticated", "请先登录。")
        if (needed == "official" and not actor.official) or (needed == "office" and actor.role != "office"):
            raise Forbidden("role_required", "您的身份不能使用这个功能。")
        count_call(actor)


def count_call(actor: Actor) -> None:
    """Count this call against the limits of its endpoint. Raises TooMany."""
    for name, whose in LIMITED.get(request.endpoint or "", ()):
        system().limiter.spend(name, str(actor.account_id) if whose == "account" else address_key())


def address_key() -> str:
    """The caller's address as limits know it: a digest that is another one tomorrow, kept only for the window."""
    today = shanghai_day(system().clock())
    return system().vault.digest("address", f"{today}\0{network_of(request.remote_addr)}")


def count_report(actor: Actor) -> None:
    """Count a report about to be taken in: by its account, and an anonymous one by the address alone."""
    if actor.account_id is None:
        system().limiter.spend("report_anonymous", address_key())
    else:
        system().limiter.spend("report", str(actor.account_id))


def _uploader() -> Actor:
    """Who uploads to the patrol in the address. A grant is looked at alone: a dead sign-in beside it stops nothing."""
    grant = request.headers.get("Patrol-Grant", "").strip()
    with unit_of_work() as work:
        if grant:
            return patrols.holder_of_grant(work, (request.view_args or {})["patrol_id"], grant)
        token = bearer()
        if not token:
            raise Unauthenticated("unauthenticated", "请先登录。")
        row = people.current(work, token)
        if row.account.person_id is None:
            raise Forbidden("role_required", "只有河长和巡河员可以上传巡河记录。")
        return replace(people.actor_of(row), person_id=row.account.person_id)


def bearer() -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if not scheme:
        return None
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("bad_token", "登录信息格式不正确，请重新登录。")
    return token.strip()


def sign_in_row(work: Work) -> SignIn:
    """The sign-in of this request, attached to this work's session."""
    return work.session.get_one(SignIn, g.sign_in_id)


def system() -> System:
    found: System = current_app.extensions["qinghe"]
    return found
