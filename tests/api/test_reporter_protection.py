"""Who reported cannot be found out: everything a township official can fetch is searched byte by byte, and for 匿名
the whole database, Redis, object storage and the logs as well.

`make test` runs it; `pytest tests/api/test_reporter_protection.py -s` prints how much was searched.
"""

from __future__ import annotations

import base64
import io
import itertools
import json
import logging
import re
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from PIL import ExifTags, Image
from structlog.testing import capture_logs
from werkzeug.routing import Rule

from backend.api.access import ACCESS
from backend.domain import keys
from backend.domain.masking import mask
from backend.extensions import db
from backend.jobs import drain
from backend.local.pictures import draw, make_exif
from tests.build import POINTS, Build, Phone, phone_of
from tests.looking import everything, sql

HERE = POINTS["inside_township"]["lead"]
WORDS = (
    "我叫{name}，手机１３９ ８７６５ ４３２１，身份证530102198505051239，微信号murong_xq99，"
    "邮箱murong.xq@example.cn，座机0871-65551234，夜里有人偷倒。"
)
TYPED = ("13987654321", "８７６５", "8765 4321", "530102198505051239", "murong_xq99", "murong.xq", "65551234")
CLAIMED, SHOT_AT = (103.987654, 26.123457), (113.517263, 27.231847)
# The phone: its place, its make, its address in the network, its browser.
DEVICE = ("103.9876", "26.1234", "113.5172", "27.2318", "CANARYMAKE", "Canary X9", "SERIAL-7788", "203.0.113.77")
BROWSER = "CanaryBrowser/7.1"


def forms(trace: str) -> Iterator[bytes]:
    """The trace as it may stand in a file: in three character sets, escaped, as hex, and inside base64."""
    for raw in {trace.encode(), trace.encode("gb18030"), trace.encode("utf-16-le")}:
        yield from (raw, raw.hex().encode(), raw.hex().upper().encode())
        for shift in range(3):  # base64 looks different at each of three offsets; the signs at the ends are mixed
            inside = base64.b64encode(b"\0" * shift + raw).rstrip(b"=")[-(-shift * 8 // 6) : None]
            inside = inside if (shift + len(raw)) % 3 == 0 else inside[:-1]
            yield from (inside, inside.replace(b"+", b"-").replace(b"/", b"_"))
    escaped = json.dumps(trace)[1:-1].encode()
    yield from (escaped, escaped.upper().replace(b"\\U", b"\\u"), urllib.parse.quote(trace).encode())


def found_in(haystacks: dict[str, bytes], traces: tuple[str, ...]) -> list[str]:
    needles = {trace: sorted(set(forms(trace))) for trace in traces}
    return [
        f"{trace!r} in {name}"
        for name, hay in haystacks.items()
        for trace, shapes in needles.items()
        if any(shape in hay for shape in shapes)
    ]


def test_the_search_finds_a_trace_in_every_dress() -> None:
    name = "慕容雪晴"
    for dressed in (
        name.encode(), name.encode("gb18030"), json.dumps({"n": name}).encode(), name.encode().hex().encode(),
        *(base64.b64encode(b"x" * n + name.encode() + b"tail") for n in range(3)),
        urllib.parse.quote(f"/{name}").encode(), name.encode("utf-16-le"),
    ):  # fmt: skip
        assert found_in({"file": b"head" + dressed + b"tail"}, (name,)), dressed
    assert not found_in({"file": "慕容雪".encode()}, (name,))


def telltale_jpeg(seed: int) -> bytes:
    """A photo whose EXIF tells who took it: make, model, serial number, owner, place."""
    exif = make_exif(gps=SHOT_AT)
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "CANARYMAKE", "Canary X9"
    exif[ExifTags.Base.Artist] = "SERIAL-7788"
    output = io.BytesIO()
    draw(640, 480, text="river", seed=seed).save(output, "JPEG", exif=exif, comment=b"SERIAL-7788")
    return output.getvalue()


@dataclass
class Reporter:
    """Somebody afraid, their phone, and what would give them away."""

    build: Build
    phone: Phone
    name: str
    traces: tuple[str, ...]
    photos: list[str] = field(default_factory=list)

    def photo(self) -> dict[str, str]:
        place = {"claimed_lon": CLAIMED[0], "claimed_lat": CLAIMED[1], "coord_type": "wgs84"}
        taken = self.build.photo(self.phone, telltale_jpeg(hash(self.name) + len(self.photos)), **place)
        self.photos.append(taken["id"])
        return taken

    def form(self, **changes: Any) -> dict[str, Any]:
        return {
            "text": WORDS.format(name=self.name), "photos": [self.photo(), self.photo()],
            "place": {"address": f"我叫{self.name}，电话13987654321"}, "contact_name": self.name,
            "contact_phone": "13987654321", **changes,
        }  # fmt: skip


def reporter(build: Build, name: str, signed_in: bool) -> Reporter:
    phone = build.resident(name) if signed_in else build.nobody()
    phone.client.environ_base |= {"REMOTE_ADDR": "203.0.113.77", "HTTP_USER_AGENT": BROWSER}
    traces: tuple[str, ...] = (name, BROWSER, *DEVICE)
    if signed_in:
        openid = build.control("login", user=name)["openid"]
        digest = build.app.extensions["qinghe"].vault.digest("openid", openid)
        [account] = sql(build.app, "SELECT id FROM accounts WHERE openid_digest = :digest", digest=digest)
        traces = (*traces, openid, digest, str(account["id"]), account["id"].hex)
    return Reporter(build, phone, name, traces)


def follows(who: Reporter, code: str) -> None:
    """Everything a reporter can add afterwards, each time with their number in the words."""
    told = {"text": "再说一次，打我电话13987654321", "photos": [who.photo()]}
    for method, path, body in (
        ("POST", "/receipt/supplements", told),
        ("PUT", "/receipt/rating", {"stars": 1, "text": "没人管，打13987654321"}),
        ("POST", "/receipt/dispute", {"reason": "又倒了，打13987654321"}),
    ):
        answer = who.phone.call(method, path, body, Receipt_Code=code, Idempotency_Key=f"{path[9:]} {code}")
        assert answer.status_code in (200, 201), (path, answer.json)
        drain()


# ---- what an official can fetch --------------------------------------------------------------------------------------


class Haul:
    """Everything that one official can fetch: each answer, and each file that an answer names."""

    def __init__(self, build: Build, number: str, more_ids: list[str]) -> None:
        self.build, self.phone, self.desk = build, build.official(number), build.at_the_desk(number)
        self.store = build.app.extensions["qinghe"].settings.s3_public_url
        self.found: dict[str, bytes] = {}
        self.reached: set[str] = set()
        self.more_ids = more_ids
        for name, want in (("xlsx", {}), ("csv", {"format": "csv"})):
            assert self.phone.post("/exports", want, Idempotency_Key=f"haul-{name}-{number}").status_code == 201
        drain()
        for rule in build.app.url_map.iter_rules():
            if "GET" in (rule.methods or ()) and ACCESS[rule.endpoint] not in ("office", "desk:office"):
                self._walk(rule)

    def _walk(self, rule: Rule) -> None:
        client = self.desk if rule.rule.startswith("/desk") else self.phone.client
        headers = {} if rule.rule.startswith("/desk") else {"Authorization": f"Bearer {self.phone.token}"}
        for path in self._addresses(rule):
            for query in ("",) if "<" in rule.rule else ("", "?limit=100", "?format=csv"):
                answer = client.get(path + query, headers=headers)
                if answer.status_code < 300:
                    self.reached.add(rule.endpoint)
                    self._keep(f"GET {path}{query}", answer.get_data(), str(answer.headers).encode())

    def _addresses(self, rule: Rule) -> list[str]:
        blanks = re.findall(r"<(?:(\w+)(?:\(([^)]*)\))?:)?(\w+)>", rule.rule)
        choices = [self._values(kind, among, name) for kind, among, name in blanks]
        return [
            "".join(itertools.chain.from_iterable(zip(re.split(r"<[^>]+>", rule.rule), [*filled, ""], strict=True)))
            for filled in itertools.islice(itertools.product(*choices), 200)
        ]

    def _values(self, kind: str, among: str, name: str) -> list[str]:
        if kind == "uuid":
            table = name.removesuffix("_id") + "s"
            known = sql(self.build.app, f"SELECT id FROM {table} LIMIT 20") if table in db.metadata.tables else []
            return [str(row["id"]) for row in known] or self.more_ids
        if kind == "any":
            return [one.strip() for one in among.split(",")]
        if kind == "int":
            return ["1", "2026"]
        if name == "number":
            return [case["number"] for case in self.phone.get("/cases?limit=100").json["items"]]
        return [HERE, "2026-06", "garbage", *(row["reach"] for row in sql(
            self.build.app, "SELECT DISTINCT reach FROM cases WHERE reach IS NOT NULL"))]  # fmt: skip

    def _keep(self, name: str, body: bytes, headers: bytes = b"") -> None:
        self.found[name] = headers + body
        if zipfile.is_zipfile(io.BytesIO(body)):
            with zipfile.ZipFile(io.BytesIO(body)) as parts:
                for part in parts.namelist():
                    self.found[f"{name} / {part}"] = parts.read(part)
        if body.startswith(b"\xff\xd8"):
            with Image.open(io.BytesIO(body)) as picture:
                assert not picture.getexif(), name
                assert "comment" not in picture.info, name
        if body.startswith((b"{", b"[")):
            for address in re.findall(r'"(http[^"]+)"', body.decode()):
                file = urllib.parse.urlsplit(address)
                if address.startswith(self.store) and f"FILE {file.path}" not in self.found:
                    self._keep(f"FILE {file.path}", requests.get(address, timeout=20).content)


def scene(build: Build, who: Reporter, privacy: str, category: str) -> str:
    """A report carried through the whole of its life, with all that its reporter can add. Returns its case."""
    case_id, _ = build.case("closed", phone=who.phone, privacy=privacy, category=category, **who.form())
    return case_id


@pytest.fixture
def afraid(build: Build, monkeypatch: pytest.MonkeyPatch) -> dict[str, Reporter]:
    """One of each way to report, in one township, each followed to its end."""
    codes: dict[str, str] = {}
    real = Build.report

    def remembered(self: Build, *args: Any, **changes: Any) -> dict[str, Any]:
        shown = real(self, *args, **changes)
        codes[shown["privacy"]] = shown["receipt_code"]
        return shown

    monkeypatch.setattr(Build, "report", remembered)
    made = {
        "named": reporter(build, "赵铁柱", signed_in=True),
        "confidential": reporter(build, "慕容雪晴", signed_in=True),
        "anonymous": reporter(build, "上官婉如", signed_in=False),
    }
    for (privacy, who), category in zip(made.items(), ("garbage", "other", "facility"), strict=True):
        scene(build, who, privacy, category)
        follows(who, codes[privacy])
    return made


def test_a_township_official_finds_nothing_of_who_reported(build: Build, afraid: dict[str, Reporter]) -> None:
    ids = [str(row["id"]) for row in sql(build.app, "SELECT id FROM reports UNION ALL SELECT id FROM cases")]
    haul = Haul(build, phone_of(HERE), ids)
    print(f"{len(haul.found)} files of {len(haul.reached)} endpoints, {sum(map(len, haul.found.values())):,} bytes")
    wanted = {
        "cases.listing", "cases.show", "cases.events", "exports.at_once", "exports.show", "notices.listing",
        "ledger.counts", "public.listing", "reminders.listing", "desk.home.show", "roots.listing",
    }  # fmt: skip
    assert wanted <= haul.reached
    assert sum(name.startswith("FILE /") for name in haul.found) >= 6
    assert found_in(haul.found, ("赵铁柱",)), "实名: the handler may call, so the search finds what is there"
    hidden = (*afraid["confidential"].traces, *afraid["anonymous"].traces)
    seen = found_in(haul.found, hidden)
    assert not seen, "\n".join(seen[:40])
    told = re.compile(rb'"contact":\s*\{[^}]*\}|' + "联系人 [^<]*赵铁柱[^<]*".encode().replace(b" ", rb"\s"))
    for name, text in haul.found.items():  # the number of the one who is 实名 is told as a contact, and nowhere else
        without = told.sub(b"", text)
        assert not found_in({name: without}, TYPED), name


def test_departments_and_chiefs_find_nothing_either(build: Build) -> None:
    """保密 in a sensitive kind, released by the office and assigned; all who come to see the case."""
    who = reporter(build, "慕容雪晴", signed_in=True)
    report = build.report(who.phone, privacy="confidential", category="illegal_discharge", **who.form())
    office = build.office()
    case = office.get("/cases?limit=1").json["items"][0]
    early = Haul(build, phone_of(HERE), [case["id"], report["id"]])
    assert not found_in(early.found, (*who.traces, *TYPED, "夜里有人偷倒"))
    done = office.act(case["id"], "assign", unit=HERE, assisting=["530199-water"], reason="属地办理")
    assert done.status_code == 200, done.json
    drain()
    for number in (phone_of(HERE), phone_of("530199-water"), "19900000003"):
        haul = Haul(build, number, [case["id"], report["id"]])
        assert not found_in(haul.found, (*who.traces, *TYPED)), number


# ---- 匿名: nowhere at all --------------------------------------------------------------------------------------------


def opened_seals(build: Build, but: set[str]) -> bytes:
    """Whatever is sealed anywhere, opened: who holds database and keys finds no more than this."""
    vault = build.app.extensions["qinghe"].vault
    opened = []
    for column in keys.sealed_columns():
        if column.table.name not in but:
            stored = sql(build.app, f"SELECT {column.name} AS v FROM {column.table.name} WHERE {column.name} <> ''")
            opened += [vault.open(row["v"]) for row in stored]
    return "\n".join(opened).encode()


def redis_contents(build: Build) -> bytes:
    redis = build.app.extensions["qinghe"].redis
    read = {
        b"string": redis.get, b"hash": redis.hgetall, b"set": redis.smembers,
        b"list": lambda key: redis.lrange(key, 0, -1), b"zset": lambda key: redis.zrange(key, 0, -1),
        b"stream": lambda key: redis.xrange(key),
    }  # fmt: skip
    kept = []
    for key in redis.scan_iter():
        value = read[redis.type(key)](key)
        kept += [key, repr(value).encode()]
        for packed in value.values() if isinstance(value, dict) else ():
            try:
                kept.append(zlib.decompress(packed))
            except zlib.error:
                kept.append(packed)
    return b"\n".join(kept)


def objects(build: Build) -> dict[str, bytes]:
    storage = build.app.extensions["qinghe"].storage
    ids = [row["id"] for row in sql(build.app, "SELECT id FROM photos")]
    keys_of = [f"original/{one}" for one in ids] + [
        f"{kind}/{one}.jpg" for kind in ("display", "thumbnail") for one in ids
    ]
    return {f"object {key}": storage.get(key, 1 << 24) for key in keys_of}


@pytest.mark.parametrize("signed_in", [False, True])
def test_of_an_anonymous_reporter_nothing_is_kept_anywhere(
    build: Build, signed_in: bool, caplog: pytest.LogCaptureFixture
) -> None:
    who = reporter(build, "上官婉如", signed_in)
    caplog.set_level(logging.DEBUG)
    with capture_logs() as told:
        form = who.form(text="夜里有人偷倒。", place={"address": "桥头"})
        report = build.report(who.phone, privacy="anonymous", category="other", **form)
        who.phone.post(
            "/receipt/supplements", {"text": "又来了", "photos": [who.photo()]}, Receipt_Code=report["receipt_code"]
        )
        drain()
        for _ in range(3):
            who.phone.get("/receipt", Receipt_Code=report["receipt_code"])
            who.phone.get("/receipt", Receipt_Code="AAAA-AAAA-AAAA-AAAA")
    # Of whoever signed in there is an account, and that is all.
    accounts = {"accounts", "sign_ins"} if signed_in else set()
    kept = {
        "database": everything(build.app, accounts).encode(),
        "opened seals": opened_seals(build, accounts),
        "redis": redis_contents(build),
        "logs": repr(told).encode() + caplog.text.encode(),
        **objects(build),
    }
    code = report["receipt_code"]
    assert len(kept["database"]) > 10_000
    found = found_in(kept, (*who.traces, "13987654321", code, code.replace("-", "")))
    assert not found, "\n".join(found)


# ---- masking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("我叫慕容雪晴，夜里偷倒", "我叫[姓名已隐去]，夜里偷倒"),
        ("我是欧阳明，夜里偷倒", "我是[姓名已隐去]，夜里偷倒"),
        ("我叫买买提·艾力。", "我叫[姓名已隐去]。"),
        ("姓名：王建国；", "姓名:[姓名已隐去];"),
        ("我是附近居民，夜里偷倒", "我是附近居民,夜里偷倒"),
        ("本人目睹全程，夜里偷倒", "本人目睹全程,夜里偷倒"),
        ("本人张三，住河边", "本人[姓名已隐去],住河边"),
    ],
)  # fmt: skip
def test_names_are_masked_and_what_is_no_name_stays(written: str, read: str) -> None:
    assert mask(written).replace("，", ",") == read.replace("，", ",")
