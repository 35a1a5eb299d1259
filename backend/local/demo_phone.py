"""The phones of the demo: people of the demo county, and what the mini program does with the HTTP API.

They go only where a phone could go: the API, the upload address, and what the WeChat app would do (the stand-in).
"""

from __future__ import annotations

import csv
import io
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from PIL import Image

from backend.local import programs

RESIDENT = "demo-resident"
ROUTED_WITHIN_S = 90
SOUND_WITHIN_S = 60
_POLL_S = 0.5
_CALL_S = 30
_ANYWHERE = ("", "0.0.0.0", "::")


class DemoError(Exception):
    """The day cannot go on; the message is one Chinese sentence."""


@dataclass(frozen=True)
class Official:
    """A row of the demo roster. `user` is the name of the WeChat user whom the stand-in plays."""

    name: str
    phone: str
    role: str
    unit: str

    @property
    def user(self) -> str:
        return f"demo-{self.phone}"


def county_dir(environ: Mapping[str, str]) -> Path:
    """The folder of the county that runs, the demo county when none is named."""
    return Path(environ.get("COUNTY_DIR") or programs.COUNTY)


def officials(folder: Path) -> list[Official]:
    """Everybody on the demo roster. Raises DemoError when it is missing or is no roster."""
    path = folder / "roster.csv"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [Official(row["姓名"], row["手机号"], row["角色"], row["单位"]) for row in csv.DictReader(file)]
    except OSError:
        raise DemoError(f"读不到演示名册 {path}；演示只能在演示县进行。") from None
    except (KeyError, UnicodeDecodeError, csv.Error):
        raise DemoError(f"演示名册 {path} 的格式不对。") from None


def points(folder: Path) -> dict[str, dict[str, Any]]:
    """The demo's places by name. Raises DemoError when the file is missing or torn."""
    path = folder / "demo_points.json"
    try:
        found: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))
    except OSError:
        raise DemoError(f"读不到演示地点 {path}；演示只能在演示县进行。") from None
    except ValueError:
        raise DemoError(f"演示地点 {path} 的格式不对。") from None
    return found


def api_url(environ: Mapping[str, str]) -> str:
    """Where the API listens, from HOST and PORT or else PUBLIC_URL. Raises DemoError when neither is set."""
    if environ.get("PORT"):
        host = environ.get("HOST", "")
        return f"http://{'127.0.0.1' if host in _ANYWHERE else host}:{environ['PORT']}"
    if environ.get("PUBLIC_URL"):
        return environ["PUBLIC_URL"].rstrip("/")
    raise DemoError("不知道网站的地址：请用 make demo 运行，或设置 PORT。")


def stand_in_url(environ: Mapping[str, str]) -> str:
    """Where the WeChat stand-in listens. Raises DemoError when it is not set."""
    url = environ.get("WECHAT_BASE_URL", "").rstrip("/")
    if not url:
        raise DemoError("不知道微信替身的地址：请用 make demo 运行，或设置 WECHAT_BASE_URL。")
    return url


@dataclass(frozen=True)
class Shot:
    """An uploaded photo: its id and the claim that shows whose it is."""

    id: str
    claim: str

    @property
    def ref(self) -> dict[str, str]:
        return {"id": self.id, "claim": self.claim}


class Phone:
    """One person's phone: a WeChat user, a token once signed in, and what the mini-program does with the API."""

    def __init__(self, user: str, api: str, stand_in: str) -> None:
        self.user, self._api, self._stand_in = user, api, stand_in
        self._token = ""
        self._http = requests.Session()
        self._http.trust_env = False  # everything is on this machine; a proxy would not find it

    # -- signing in

    def sign_in(self) -> dict[str, Any]:
        """Sign in with a code of `wx.login`."""
        code = self._wechat("login", {"user": self.user})
        session = self.call("登录", "POST", "/session", {"code": code})
        self._token = session["token"]
        return session

    def bind(self, number: str) -> dict[str, Any]:
        """Bind to the roster with the code of WeChat's phone-number button."""
        code = self._wechat("phone", {"user": self.user, "phone": number})
        return self.call(f"用手机号 {number} 绑定名册", "POST", "/session/phone", {"code": code})

    def _wechat(self, action: str, body: dict[str, str]) -> str:
        answer = self._send("请微信替身签发凭证", "POST", f"{self._stand_in}/_stand-in/{action}", json=body)
        code = _json(answer).get("code")
        if not answer.ok or not code:
            raise DemoError(f"微信替身没有给 {self.user} 签发凭证（HTTP {answer.status_code}）。")
        return str(code)

    # -- photos

    def upload(self, jpeg: bytes) -> Shot:
        """Ask for a form, post the file straight to object storage, and tell that it is there."""
        form = self.call("领取上传凭证", "POST", "/photos", {"content_type": "image/jpeg"})
        file = {"file": ("photo.jpg", jpeg, "image/jpeg")}  # after the fields, as S3 wants it
        answer = self._send("上传照片", "POST", form["url"], data=form["fields"], files=file)
        if not answer.ok:
            raise DemoError(f"对象存储没有收下照片（HTTP {answer.status_code}）。")
        shot = Shot(form["id"], form["claim"])
        self.call("告知照片已上传", "POST", f"/photos/{shot.id}/uploaded", {"claim": shot.claim})
        return shot

    def wait_until_sound(self, shot: Shot) -> dict[str, Any]:
        """The photo as it is shown once a worker has verified it."""
        header = {"Photo-Claim": shot.claim}
        photo = self._wait(
            "照片检查完成", SOUND_WITHIN_S, lambda: self.call("查看照片", "GET", f"/photos/{shot.id}", headers=header),
            lambda photo: photo["state"] in ("sound", "refused"),
        )  # fmt: skip
        if photo["state"] == "refused":
            raise DemoError(f"照片没有通过检查：{photo.get('title') or photo.get('refusal')}")
        return photo

    def picture(self, url: str) -> Image.Image:
        """The picture behind a signed address."""
        answer = self._send("下载照片", "GET", url)
        if not answer.ok:
            raise DemoError(f"照片的签名地址打不开（HTTP {answer.status_code}）。")
        try:
            picture = Image.open(io.BytesIO(answer.content))
            picture.load()
        except OSError:
            raise DemoError("照片的签名地址给出的不是图片。") from None
        return picture

    # -- reports and cases

    def wait_until_routed(self, report_id: str) -> dict[str, Any]:
        """The report once routing has decided."""
        return self._wait(
            "举报分办", ROUTED_WITHIN_S, lambda: self.call("查看举报", "GET", f"/reports/{report_id}"),
            lambda report: report["state"] != "submitted",
        )  # fmt: skip

    def case(self, number: str) -> dict[str, Any]:
        """The case of this number among those that this official may see."""
        page = ""
        while True:
            found = self.call("查看案件台账", "GET", f"/cases?limit=100{page}")
            for row in found["items"]:
                if row["number"] == number:
                    return self.call(f"打开案件 {number}", "GET", f"/cases/{row['id']}")
            if not found.get("next"):
                raise DemoError(f"{self.user} 的台账里没有案件 {number}。")
            page = f"&before={found['next']}"

    def act(self, case: dict[str, Any], action: str, title: str, **form: Any) -> dict[str, Any]:
        """One action on the version of the case that this phone has seen. Returns the case after it."""
        headers = {"If-Match": f'"{case["version"]}"', "Idempotency-Key": str(uuid.uuid4())}
        return self.call(title, "POST", f"/cases/{case['id']}/actions/{action}", form, headers)

    # -- the wire

    def call(
        self, what: str, method: str, path: str, body: dict[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """One call of the API. Raises DemoError, with the API's own sentence, when it is refused."""
        sent = {**(headers or {}), **({"Authorization": f"Bearer {self._token}"} if self._token else {})}
        answer = self._send(what, method, f"{self._api}/api/v1{path}", json=body, headers=sent)
        found = _json(answer)
        if not answer.ok:
            fields = f" {json.dumps(found['errors'], ensure_ascii=False)}" if found.get("errors") else ""
            title = str(found.get("title") or "没有说明原因").rstrip("。")
            raise DemoError(f"{what}没有成功：{title}（HTTP {answer.status_code}{fields}）。")
        return found

    def _send(self, what: str, method: str, url: str, **more: Any) -> requests.Response:
        try:
            return self._http.request(method, url, timeout=_CALL_S, **more)
        except requests.Timeout:
            raise DemoError(f"{what}时，{_origin(url)} 在 {_CALL_S} 秒内没有回答。") from None
        except requests.RequestException:
            raise DemoError(f"{what}时连不上 {_origin(url)}；请先运行 make run。") from None

    def _wait(
        self, what: str, seconds: float, look: Callable[[], dict[str, Any]], done: Callable[[dict[str, Any]], bool]
    ) -> dict[str, Any]:
        until = time.monotonic() + seconds
        while True:
            found = look()
            if done(found):
                return found
            if time.monotonic() > until:
                raise DemoError(f"等了 {seconds:.0f} 秒，{what}还没有结果；请看后台任务的日志。")
            time.sleep(_POLL_S)


def _json(answer: requests.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except requests.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _origin(url: str) -> str:
    return "/".join(url.split("/", 3)[:3])
