"""Anybody with a phone: what was found and closed on a map and a list, the notice board of a reach."""

from __future__ import annotations

from collections.abc import Callable

from tests.build import POINTS, Build
from tests.e2e.conftest import MiniProgram

AT = POINTS["bank_left"]
BOARD = "QSH-10"


def token_of_board(build: Build) -> str:
    items = build.office().get(f"/reaches/{BOARD}/checkpoints").json["items"]  # type: ignore[index]
    return str(next(one["token"] for one in items if one["token"]))


def test_what_was_found_and_closed_is_seen_without_signing_in(phone: Callable[..., MiniProgram], build: Build) -> None:
    build.case("rectifying", at="exclave")
    case_id, _ = build.case("closed", at="bank_left", text="半夜有人来倒。")
    office = build.office()
    offered = office.get(f"/cases/{case_id}/publication").json["photos"]  # type: ignore[index]
    chosen = {"words": "河岸垃圾已清运。", "photos": [one["photo"]["id"] for one in offered]}
    assert office.post(f"/cases/{case_id}/publication", chosen).status_code == 201

    mini = phone()
    mini.open()
    mini.page.get_by_text("问题公开", exact=True).click()
    mini.sees("河岸垃圾已清运。")
    mini.sees("近一年办结")
    mini.picture("public-list")
    mini.tap("正在整改")
    mini.sees("正在整改。")
    mini.page.wait_for_function("!document.body.innerText.includes('河岸垃圾已清运。')")
    mini.tap("已办结")
    mini.page.locator(".wx-pin").locator("visible=true").first.click()
    mini.sees("整改后")
    mini.sees("核查通过，已办结")
    mini.page.wait_for_function(
        "[...document.querySelectorAll('img')].filter((one) => one.naturalWidth > 0).length >= 2"
    )
    mini.picture("public-case")
    assert "半夜" not in mini.page.inner_text("body")
    mini.shown(mini.page.get_by_label("第1张照片", exact=False)).click()
    mini.page.get_by_label("看大图，点一下关闭").click()


def test_who_scans_a_notice_board_sees_the_chiefs_and_reports_from_there(
    phone: Callable[..., MiniProgram], build: Build
) -> None:
    token = token_of_board(build)
    mini = phone()
    mini.open()
    mini.turn(answers={"scope.userLocation": False}, scan=f"https://example.org/b/{token}")
    mini.page.get_by_text("河长公示", exact=True).click()
    mini.tap("扫公示牌上的二维码")
    mini.sees("这段河的河长")
    mini.sees("县级河长")
    mini.sees("近一年没有公开的问题。")
    mini.picture("public-board")
    mini.tap("在这里举报")
    mini.sees("位置已在地图上标好")
    assert "公示牌" in mini.page.get_by_role("textbox", name="附近的村、桥、厂").input_value()


def test_a_board_opens_by_its_mini_program_code_and_a_report_half_written_stays(
    phone: Callable[..., MiniProgram], build: Build
) -> None:
    mini = phone()
    mini.open()
    mini.turn(answers={"scope.userLocation": False})
    mini.tap("我要举报")
    mini.agree_to_privacy()
    mini.page.get_by_role("textbox", name="看到了什么").fill("桥下有人电鱼")
    mini.open(f"packages/public/board/board?scene={token_of_board(build)}")
    mini.tap("在这里举报")
    mini.sees("接着上次没写完的")
    assert mini.page.get_by_role("textbox", name="看到了什么").input_value() == "桥下有人电鱼"


def test_a_code_that_is_no_board_says_so_and_the_reach_is_found_by_hand(
    phone: Callable[..., MiniProgram], build: Build
) -> None:
    mini = phone()
    mini.open("packages/public/reaches/reaches")
    mini.turn(scan="https://example.org/menu")
    mini.tap("扫公示牌上的二维码")
    mini.sees("这不是河长公示牌上的二维码")
    mini.page.get_by_label("清水河，", exact=False).click()
    mini.picture("public-reaches")
    mini.page.locator("[data-code], .reach").locator("visible=true").first.click()
    mini.sees("监督电话")
    mini.open("packages/public/board/board?scene=0123456789abcdef0123")
    mini.sees("没有这块公示牌")
    mini.sees("再试一次")


def test_without_signal_the_public_pages_offer_another_try(phone: Callable[..., MiniProgram], build: Build) -> None:
    mini = phone()
    mini.open()
    mini.page.evaluate("window.__PHONE__.setNetwork('none')")
    mini.page.get_by_text("问题公开", exact=True).click()
    mini.sees("现在没有网络")
    mini.page.evaluate("window.__PHONE__.setNetwork('4g')")
    mini.tap("再试一次")
    mini.sees("还没有公开的问题")
