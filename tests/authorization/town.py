"""One township with one of everything, a resident who reported, and all those who might be curious about it."""

from __future__ import annotations

import io
import json
import re
import uuid
from datetime import date

from sqlalchemy import select, text

from backend.county import County
from backend.desk import static_files
from backend.domain import desk_scans, desk_views
from backend.domain.actors import Actor
from backend.domain.checkpoints import token_of
from backend.domain.desk_sessions import Browser
from backend.extensions import db
from backend.jobs import drain
from backend.models import DeskSession, FollowUpDraw, Handover, Person
from backend.work import unit_of_work
from tests.build import INSPECTOR, OFFICE, POINTS, ROSTER, Build, Desk, Phone, phone_of
from tests.walks import Chief, Sender

POINT = POINTS["inside_township"]
HERE, THERE, WATER = POINT["lead"], POINTS["exclave"]["lead"], "530199-water"
SPOT = {"lon": POINT["lon"], "lat": POINT["lat"], "coord_type": "wgs84"}
COUNTY_CHIEF = "19900000003"
VILLAGE, HEAD = "村级河长", "单位负责人"
NAME, NUMBER = "周告发", "13900001111"
SOURCE = "FX-777"
WALKER = next(row for row in ROSTER if row[2] == VILLAGE and row[3] == HERE)

OFFICIALS = {
    "handler": phone_of(HERE),
    "head": phone_of(HERE, HEAD),
    "walker": WALKER[1],
    "neighbour": phone_of(THERE),
    "water": phone_of(WATER),
    "chief": phone_of(THERE, VILLAGE),
    "office": OFFICE,
    "inspector": INSPECTOR,
    "county_chief": COUNTY_CHIEF,
}
Objects = dict[str, str]


class Town:
    """`phones` and `desks` by who holds them; `objects`: what fills the blanks of the addresses."""

    def __init__(self, build: Build, county: County) -> None:
        self.build, self.county = build, county
        self.reporter = build.resident("reporter")
        self.phones: dict[str, Phone] = {"nobody": build.nobody(), "stranger": build.resident("stranger")}
        self.phones |= {"reporter": self.reporter} | {who: build.official(number) for who, number in OFFICIALS.items()}
        self.desks: dict[str, Desk] = {}
        self.tokens: dict[tuple[str, bool], str] = {}
        self.objects: Objects = {"contact_name": NAME, "contact_phone": NUMBER, "reach": WALKER[4].split("、")[0]}
        walked = county.reach_by_code[self.objects["reach"]]
        assert THERE not in (walked.lead, walked.left_bank, walked.right_bank)
        self._patrol()
        self._case()
        self._closed_case()
        self._papers()
        self._register()
        self._desk()

    def fresh(self, who: str) -> Phone:
        """Another sign-in of the same person."""
        if who == "nobody":
            return self.build.nobody()
        return self.build.official(OFFICIALS[who]) if who in OFFICIALS else self.build.resident(who)

    def _case(self) -> None:
        """A case under way with a question of every kind open on it."""
        case_id, _ = self.build.case(
            "rectifying", phone=self.reporter, contact_name=NAME, contact_phone=NUMBER, text="河边倒了一堆垃圾。"
        )
        handler, head, office = self.phones["handler"], self.phones["head"], self.phones["office"]
        for who, action, form in (
            (handler, "ask_extension", {"reason": "连日下雨", "rectify_by": "2026-06-20"}),
            (office, "remind", {"reason": "请抓紧"}),
            (office, "supervise", {"demands": "三日内清运"}),
            (office, "declare_emergency", {"reason": "上游死鱼", "assisting": ["530199-police"]}),
        ):
            done = who.act(case_id, action, **form)
            assert done.status_code == 200, (action, done.json)
            drain()
        shown = office.get(f"/cases/{case_id}").json
        letter = shown["supervisions"][0]["id"]
        replied = head.post(f"/supervisions/{letter}/replies", {"text": "正在办理。"})
        assert replied.status_code == 201, replied.json
        self.objects |= {
            "case": case_id, "letter": letter, "reply": replied.json["replies"][0]["id"],
            "report": self.reporter.get("/reports").json["items"][0]["id"],
            "photo": shown["reports"][0]["photos"][0]["id"],
            "extension": office.get("/extensions").json["items"][0]["id"],
            "reminder": office.get("/reminders").json["items"][0]["id"],
            "notice": handler.get("/notices").json["items"][0]["id"],
        }  # fmt: skip

    def _closed_case(self) -> None:
        case_id, _ = self.build.case("closed", category="fishing")
        office = self.phones["office"]
        assert office.act(case_id, "plan_follow_up", reason="抽查").status_code == 200
        shown = office.get(f"/cases/{case_id}").json
        photos = [photo["id"] for photo in shown["evidence"] if photo["purpose"] == "evidence"]
        form = {"photos": photos, "reason": "公开", "withheld": False}
        published = office.post(f"/cases/{case_id}/publication", form)
        assert published.status_code in (200, 201), published.json
        drain()
        (follow_up,) = office.get(f"/cases/{case_id}/follow-ups").json["items"]
        self.objects |= {"public_number": shown["number"], "follow_up": follow_up["id"]}
        with self.build.app.app_context(), unit_of_work() as work:
            work.session.add(FollowUpDraw(
                month=date(2026, 5, 1), unit_code=HERE, seed="s", share=0.1, at_least=1, numbers=[], picked=[],
                drawn_at=work.now, county_version=1,
            ))  # fmt: skip

    def _patrol(self) -> None:
        sender = Sender(self.build, self.county, Chief(WALKER[1], "village_chief", HERE, (self.objects["reach"],)))
        walk = sender.walk(metres=700, every_s=20)
        sender.send(walk)
        drain()
        appealed = sender.phone.post(f"/patrols/{walk.id}/appeal", {"text": "手机没电了。"})
        assert appealed.status_code in (200, 201), appealed.json
        self.walk = walk
        self.objects["patrol"] = walk.id

    def _papers(self) -> None:
        """What leaves the house and who stands in for whom."""
        handler, office = self.phones["handler"], self.phones["office"]
        asked = handler.post("/exports", {})
        drain()
        deputy = next(one for one in handler.get("/colleagues").json["items"] if HEAD in one["titles"])
        made = handler.post("/delegations", {
            "deputy_id": deputy["id"], "from_on": "2026-07-01", "to_on": "2026-07-05", "reason": "休假",
        })  # fmt: skip
        assert made.status_code == 201, made.json
        headers = {"Authorization": f"Bearer {office.token}", "Idempotency-Key": uuid.uuid4().hex}
        sheet = "编号,问题描述,问题类别,发现日期,所在乡镇,状态\n2026-1,岸边搭棚,乱建,2026-05-06,石门镇,整改中\n"
        file = {"file": (io.BytesIO(sheet.encode()), "台账.csv")}
        looked_at = office.client.post("/api/v1/imports", data=file, headers=headers)
        assert looked_at.status_code == 201, looked_at.json
        self.objects |= {
            "export": asked.json["id"], "delegation": made.json["id"], "import": looked_at.json["id"],
            "deputy": deputy["id"],
        }  # fmt: skip
        with self.build.app.app_context(), unit_of_work() as work:
            work.session.add(Handover(
                kind="unit", from_unit=HERE, to_unit=HERE, reason="试", made_by="administrator", made_at=work.now,
                moved={},
            ))  # fmt: skip

    def _register(self) -> None:
        office = self.phones["office"]
        entered = office.post("/risk-sources", {
            "code": SOURCE, "name": "新取水口", "kind": "water_intake", "unit": HERE, "near_m": 50, "reason": "排查",
            **SPOT, "lon": SPOT["lon"] + 0.02,
        })  # fmt: skip
        assert entered.status_code == 201, entered.json
        plan = {"text": "隔离网", "responsible": "李四", "responsible_unit": HERE}
        assert office.post(f"/risk-sources/{SOURCE}/plan", plan).status_code == 201
        item = {"text": "设置隔离网", "unit": HERE, "person": "王五", "due_on": "2026-06-10"}
        added = office.post(f"/risk-sources/{SOURCE}/measures", item)
        assert added.status_code == 201, added.json
        self.objects |= {"source": SOURCE, "measure": added.json["id"]}

    def _desk(self) -> None:
        self.desks = {who: self.build.at_the_desk(number) for who, number in OFFICIALS.items()}
        self.build.desk_token(OFFICIALS["handler"])  # another computer
        built = static_files.FOLDER / "manifest.json"
        names = list(json.loads(built.read_text("utf-8")).values()) if built.exists() else []
        with self.build.app.app_context(), unit_of_work() as work:
            digest = work.vault.digest("phone", OFFICIALS["handler"])
            handler = work.session.scalars(select(Person).where(Person.phone_digest == digest)).one()
            work.actor = Actor(role="handler", unit=HERE, person_id=handler.id)
            view = desk_views.keep(work, "我的", "state=assigned")
            another = select(DeskSession.id).where(DeskSession.person_id == handler.id).order_by(DeskSession.id.desc())
            board = work.county.rules.patrol.boards[0].code
            chosen = (SELECT_ONE.format(table) for table in ("follow_up_draws", "handovers"))
            draw, handover = (work.session.scalar(text(one)) for one in chosen)
            self.objects |= {
                "view": str(view.id), "session": str(work.session.scalars(another.limit(1)).one()),
                "board": token_of(work.vault, board), "board_code": board, "draw": str(draw), "handover": str(handover),
                "person": str(handler.id), "role": str(handler.roles[0].id), "unit": HERE, "month": "2026-06",
                "asset": next((name for name in names if name.endswith(".css")), "desk.css"),
            }  # fmt: skip
        db.session.remove()

    def scan(self) -> str:
        """A code that a browser shows for a phone to confirm."""
        with self.build.app.app_context(), unit_of_work() as work:
            return desk_scans.show(work, Browser("Chrome", "127.0.0.1"))[1]

    def form_token(self, who: str, signed_in: bool) -> str:
        """What the forms of this browser carry, with a session and before there is one."""
        if (who, signed_in) not in self.tokens:
            page = self.desks[who].get("/desk/account" if signed_in else "/desk/sign-in").text
            self.tokens[who, signed_in] = re.search(r'name="form-token" content="(\w+)"', page)[1]  # type: ignore[index]
        return self.tokens[who, signed_in]


SELECT_ONE = "SELECT id FROM {} LIMIT 1"
