"""Who gets in where: written by hand from what the roles are for, and compared with nothing of the application's own.

`METHOD address | who`. The people are those of town.py. "In" is everything but 401, 403 and 404, a conflict or a fault
in the form included; everybody who is not named is turned away. The objects in braces are those of one township and of
one resident. `~` before a method: an id that does not exist is not to be tried there. `-`: the town has nothing of the
kind, so that for those who get in, nothing is found.
"""

from __future__ import annotations

GROUPS = {
    "lead": ("handler", "head"),  # the unit that answers for the case
    "own": ("handler", "head", "walker"),  # whoever belongs to that township
    "county": ("office", "inspector", "county_chief"),
    "officials": ("handler", "head", "walker", "neighbour", "water", "chief", "office", "inspector", "county_chief"),
    "signed_in": (
        "stranger", "reporter", "handler", "head", "walker", "neighbour", "water", "chief", "office", "inspector",
        "county_chief",
    ),
    "everybody": (
        "nobody", "stranger", "reporter", "handler", "head", "walker", "neighbour", "water", "chief", "office",
        "inspector", "county_chief",
    ),
}  # fmt: skip

TABLE = """
GET /healthz | everybody
GET /readyz | everybody
GET /metrics | everybody
GET /wechat/push |
POST /wechat/push |
GET /b/{board} | everybody
GET /api/v1/openapi.json | everybody
GET /api/v1/county | everybody
GET /api/v1/ledger/roots | everybody
GET /api/v1/public/cases | everybody
GET /api/v1/public/cases/{public_number} | everybody
GET /api/v1/public/cases/{public_number}/photos/0/thumbnail | everybody
GET /api/v1/public/map | everybody
GET /api/v1/public/counts | everybody
GET /api/v1/public/reaches | everybody
GET /api/v1/public/reaches/{reach} | everybody
GET /api/v1/public/boards/{board} | everybody

POST /api/v1/session | everybody
GET /api/v1/session | signed_in
PUT /api/v1/session/role | handler
POST /api/v1/session/phone | signed_in
POST /api/v1/session/binding-code | signed_in
GET /api/v1/account/closing | signed_in
POST /api/v1/account/closing | signed_in

POST /api/v1/photos | everybody
GET /api/v1/photos/{photo} |
POST /api/v1/photos/{photo}/uploaded |
POST /api/v1/reports | everybody
GET /api/v1/reports | signed_in
GET /api/v1/reports/{report} | reporter
POST /api/v1/reports/{report}/supplements | reporter
PUT /api/v1/reports/{report}/rating | reporter
POST /api/v1/reports/{report}/dispute | reporter
POST /api/v1/reports/{report}/appeal | reporter
POST /api/v1/reports/{report}/identity-looks | office
GET /api/v1/identity-looks | county
GET /api/v1/receipt |
POST /api/v1/receipt/supplements |
PUT /api/v1/receipt/rating |
POST /api/v1/receipt/dispute |
POST /api/v1/receipt/appeal |
POST /api/v1/receipt/withdrawal |

GET /api/v1/cases | officials
GET /api/v1/cases/counts | officials
GET /api/v1/cases/export | officials
POST /api/v1/cases | office
GET /api/v1/cases/{case} | county own
GET /api/v1/cases/{case}/events | county own
GET /api/v1/cases/{case}/duplicates | county own
GET /api/v1/cases/{case}/evidence | county
GET /api/v1/cases/{case}/follow-ups | county own
GET /api/v1/cases/{case}/timeline | county own
POST /api/v1/cases/{case}/timeline | office county_chief own
GET /api/v1/cases/{case}/publication | office
POST /api/v1/cases/{case}/publication | office
POST /api/v1/cases/{case}/actions/note | office county_chief own
POST /api/v1/cases/{case}/actions/request_closure | lead
POST /api/v1/cases/{case}/actions/allocate | head
POST /api/v1/cases/{case}/actions/close | county
POST /api/v1/cases/{case}/actions/reassign | office
POST /api/v1/cases/{case}/actions/remind | office county_chief
POST /api/v1/cases/{case}/actions/supplement |

GET /api/v1/follow-ups | county
GET /api/v1/follow-up-draws | county
GET /api/v1/follow-up-draws/{draw} | county
GET /api/v1/extensions | officials
GET /api/v1/reminders | officials
POST /api/v1/reminders | office county_chief
POST /api/v1/reminders/{reminder}/reply | lead
GET /api/v1/emergency-plans | officials
GET /api/v1/supervisions | officials
GET /api/v1/supervisions/{letter} | county own
POST /desk/supervision/{letter}/accept | office
POST /api/v1/supervisions/{letter}/replies | head
POST /api/v1/supervisions/{letter}/replies/{reply}/accept | office
POST /api/v1/supervisions/{letter}/replies/{reply}/send-back | office
POST /api/v1/supervisions/{letter}/end | office

GET /api/v1/exports | officials
POST /api/v1/exports | officials
GET /api/v1/exports/{export} | handler
POST /api/v1/exports/{export}/cancel | handler
GET /api/v1/imports | office
POST /api/v1/imports | office
GET /api/v1/imports/{import} | office
GET /api/v1/imports/{import}/rows | office
POST /api/v1/imports/{import}/carry-out | office
POST /api/v1/imports/{import}/withdraw | office
POST /api/v1/imports/{import}/cancel | office

GET /api/v1/risk-sources | officials
POST /api/v1/risk-sources | office
GET /api/v1/risk-sources/{source} | officials
PUT /api/v1/risk-sources/{source} | office
GET /api/v1/risk-sources/{source}/history | officials
GET /api/v1/risk-sources/{source}/inspections | officials
POST /api/v1/risk-sources/{source}/inspections | county own water
GET /api/v1/risk-sources/{source}/plan | officials
POST /api/v1/risk-sources/{source}/plan | office
POST /api/v1/risk-sources/{source}/measures | office
GET /api/v1/measures | officials
GET /api/v1/measures/{measure} | county own
PUT /api/v1/measures/{measure} | office
POST /api/v1/measures/{measure}/finish | lead office
POST /api/v1/measures/{measure}/reopen | office
POST /api/v1/measures/{measure}/drop | office

GET /api/v1/notices | signed_in
POST /api/v1/notices/{notice}/read | handler
POST /api/v1/notices/consents | signed_in

GET /api/v1/colleagues | officials
GET /api/v1/delegations | officials
POST /api/v1/delegations | lead office
POST /api/v1/delegations/{delegation}/end | lead office
GET /api/v1/handovers | officials
GET /api/v1/handovers/stranded | office
POST /api/v1/handovers/person | head office
POST /api/v1/handovers/unit | office

~PUT /api/v1/patrols/{patrol} | walker
~PUT /api/v1/patrols/{patrol}/batches/{new} | walker
~PUT /api/v1/patrols/{patrol}/finish | walker
~PUT /api/v1/patrols/{patrol}/photos/{new} | walker
~PUT /api/v1/patrols/{patrol}/findings/{new} | walker
~PUT /api/v1/patrols/{patrol}/checkpoints/{new} | walker
~GET /api/v1/patrols/{patrol}/held | walker
GET /api/v1/patrols | officials
GET /api/v1/patrols/live | officials
GET /api/v1/patrols/ground | officials
GET /api/v1/patrols/companions | officials
GET /api/v1/patrols/export.zip | office
GET /api/v1/patrols/{patrol} | county own
GET /api/v1/patrols/{patrol}/track.geojson | county own
GET /api/v1/patrols/{patrol}/track.gpx | county own
GET /api/v1/patrols/{patrol}/verdicts/1 | county own
POST /api/v1/patrols/{patrol}/appeal | walker
POST /api/v1/patrols/{patrol}/appeal/decision | office
POST /api/v1/patrols/{patrol}/decline |
GET /api/v1/reaches/{reach}/checkpoints | officials
GET /api/v1/findings | officials
POST /api/v1/findings/confirm | officials
GET /api/v1/boards | office
GET /api/v1/boards/{board_code}/code | office
GET /api/v1/boards/{board_code}/sheet.pdf | office

GET /api/v1/duties | officials
POST /api/v1/duties/reminders | lead neighbour water office county_chief
GET /api/v1/duties/mine | officials
GET /api/v1/duties/behind | officials
GET /api/v1/duties/completion | officials
GET /api/v1/duties/summary | officials
GET /api/v1/duties/completion.xlsx | officials
GET /api/v1/assessments/trend | officials
GET /api/v1/assessments/{month} | officials
GET /api/v1/assessments/{month}/scores/unit:{unit} | county lead
GET /api/v1/assessments/{month}/summons | officials
GET /api/v1/assessments/{month}/scores.xlsx | office
POST /api/v1/assessments/{month}/corrections | office
POST /api/v1/assessments/{month}/publish | office

GET /api/v1/orders | office
POST /api/v1/answer-files | office
GET /api/v1/answer-files | office
-GET /api/v1/answer-files/{new}/file | office

GET /api/v1/desk-scans/{scan} | officials
POST /api/v1/desk-scans/{scan}/confirm | officials
POST /api/v1/desk-scans/{scan}/refuse | officials
GET /api/v1/roster | office
POST /api/v1/roster | office
POST /api/v1/roster/{person}/binding-code | office

GET /desk/sign-in | everybody
GET /desk/sign-in/poll | everybody
GET /desk/scan | everybody
GET /desk/enrol | everybody
GET /desk/static/{asset} | everybody
GET /desk/no-such-page |
POST /desk/sign-in/code | everybody
POST /desk/sign-in/finish | everybody
POST /desk/sign-in/password |
POST /desk/enrol | everybody
POST /desk/enrol/password | everybody
GET /desk/ | officials
GET /desk/ledger | officials
POST /desk/ledger/remind | office county_chief
POST /desk/ledger/views | officials
POST /desk/ledger/views/{view}/drop | handler
POST /desk/ledger/export | officials
GET /desk/exports | officials
POST /desk/exports/{export}/cancel | handler
GET /desk/situation | officials
GET /desk/situation/county.json | officials
GET /desk/situation/layers.json | officials
GET /desk/triage | office
GET /desk/supervision | officials
POST /desk/supervision/{letter}/reply | head
POST /desk/supervision/{letter}/end | office
GET /desk/follow-ups | county
GET /desk/extensions | officials
GET /desk/appeals | officials
POST /desk/appeals/{patrol} | office
GET /desk/cases/{case} | county own
GET /desk/cases/{case}/paper | county own
POST /desk/cases/{case}/actions/note | office county_chief own
POST /desk/cases/{case}/actions/close | county
POST /desk/cases/{case}/reports/{report}/identity | office
GET /desk/account | officials
POST /desk/account/role | handler
POST /desk/account/sessions/{session}/end | handler
GET /desk/sign-ins | office

GET /desk/patrols | officials
GET /desk/patrols/walked | officials
GET /desk/patrols/duties.xlsx | officials
GET /desk/patrols/{patrol} | county own
GET /desk/patrols/{patrol}/track.geojson | county own
GET /desk/patrols/{patrol}/track.gpx | county own
POST /desk/patrols/reminders/look | lead neighbour water office county_chief
POST /desk/patrols/reminders | lead neighbour water office county_chief

GET /desk/assessment | officials
GET /desk/assessment/{month}/scores/unit:{unit} | county lead
GET /desk/assessment/{month}/scores.xlsx | office
GET /desk/assessment/{month}/paper | office
POST /desk/assessment/{month}/corrections | office
POST /desk/assessment/{month}/publish | office

GET /desk/targets | officials
-GET /desk/targets/{new} | officials
POST /desk/targets | office
-POST /desk/targets/{new} | office
-POST /desk/targets/{new}/end | office
-POST /desk/targets/{new}/values | lead office

GET /desk/setup | office
GET /desk/setup/calendar | office
GET /desk/setup/boards | office
GET /desk/setup/boards/boards.pdf | office
GET /desk/setup/boards/{board_code}/code | office
GET /desk/setup/imports | office
POST /desk/setup/imports | office
GET /desk/setup/imports/{import} | office
GET /desk/setup/imports/{import}/faults.xlsx | office
-GET /desk/setup/imports/template/{new}.xlsx | office
POST /desk/setup/imports/{import}/carry_out | office
GET /desk/setup/roster | office
POST /desk/setup/roster/{person}/code | office
POST /desk/setup/roster/{person}/code/revoke | office
GET /desk/setup/roster/template.xlsx | office
POST /desk/setup/roster/file | office
-GET /desk/setup/roster/file/{new} | office
-GET /desk/setup/roster/file/{new}/faults.xlsx | office
-POST /desk/setup/roster/file/{new}/use | office
GET /desk/setup/rules | office
GET /desk/setup/rules/edit | office
POST /desk/setup/rules/edit | office
POST /desk/setup/rules/file | office
-GET /desk/setup/rules/versions/{none} | office
-GET /desk/setup/rules/versions/{none}/folder.zip | office
-POST /desk/setup/rules/versions/{none}/restore | office
-GET /desk/setup/rules/drafts/{new} | office
-GET /desk/setup/rules/drafts/{new}/faults.xlsx | office
-POST /desk/setup/rules/drafts/{new}/confirm | office
-POST /desk/setup/rules/drafts/{new}/drop | office

POST /api/v1/reports/{report}/withdrawal | reporter
POST /api/v1/reports/{report}/erasure | office
POST /desk/account/sessions/end-others | officials
POST /desk/account/sign-out | officials
DELETE /api/v1/session | signed_in
DELETE /api/v1/sessions | signed_in
"""

# What of the town's objects may stand in whose answers, wherever it stands: in lists, counts, files, pages.
MAY_READ = {
    "case": "county own reporter",
    "report": "county own reporter",
    "photo": "county own reporter",
    "extension": "county own",
    "reminder": "county own",
    "letter": "county own",
    "export": "handler",
    "import": "office",
    "measure": "county own",
    "notice": "handler",
    "delegation": "lead walker office",
    "handover": "lead walker office",
    "patrol": "county own",
    "view": "handler",
    "draw": "county",
    "follow_up": "county",
    "contact_name": "lead office",
    "contact_phone": "lead office",
}
# Whoever reads the first may read the second with it: a source's plan holds its measures.
TOLD_WITH = {"measure": "{source}"}


def people(words: str) -> frozenset[str]:
    """The people that the words name: "county own" → seven names."""
    return frozenset(one for word in words.split() for one in GROUPS.get(word, (word,)))


def doors() -> list[tuple[str, str, frozenset[str], str]]:
    """Each row: method, address with its blanks, who gets in, and the sign before the method."""
    found = []
    for line in TABLE.strip().splitlines():
        if line:
            door, _, who = line.partition("|")
            method, _, address = door.strip().partition(" ")
            sign = method[0] if method[0] in "~-" else ""
            found.append((method.lstrip("~-"), address, people(who), sign))
    return found
