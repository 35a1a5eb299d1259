"""Notice boards: the office gets the code and the sheet to print; what is printed opens the reach's page."""

from __future__ import annotations

from backend.county import County
from tests.build import Build, phone_of
from tests.looking import is_a_plain_refusal

BOARD = "GSP-QSH-10"


def test_every_board_has_a_code_that_wechat_draws_and_a_link(build: Build, county: County) -> None:
    office = build.office()
    items = office.get("/boards").json["items"]  # type: ignore[index]
    assert len(items) == len(county.rules.patrol.boards)
    one = next(item for item in items if item["code"] == BOARD)
    shown = build.nobody().get(f"/public/boards/{one['token']}").json
    assert shown
    assert shown["code"] == one["reach"]
    assert len(one["token"]) <= 32  # all that a mini-program code can carry
    for kind in ("mini", "link"):
        picture = office.get(f"/boards/{BOARD}/code?kind={kind}")
        assert picture.status_code == 200, picture.json
        assert picture.mimetype == "image/png"
        assert picture.data[:4] == b"\x89PNG"


def test_before_the_page_is_released_wechat_draws_no_code_and_the_link_serves(build: Build) -> None:
    office = build.office()
    build.control("pages", pages=["pages/home/home"])
    try:
        is_a_plain_refusal(office.get(f"/boards/{BOARD}/code"), 502, "wechat_refused")
        assert office.get(f"/boards/{BOARD}/code?kind=link").status_code == 200
        build.control("pages", pages=["packages/public/board/board"])
        assert office.get(f"/boards/{BOARD}/code").status_code == 200
    finally:
        build.control("pages", pages=[])


def test_the_sheet_is_a_pdf_of_one_page_without_a_private_phone(build: Build) -> None:
    made = build.office().get(f"/boards/{BOARD}/sheet.pdf?kind=link")
    assert made.status_code == 200, made.json
    assert made.mimetype == "application/pdf"
    assert made.data[:5] == b"%PDF-"
    assert b"/Count 1" in made.data
    assert b"NotoSansSC" in made.data


def test_only_the_office_prints_boards(build: Build) -> None:
    township = build.official(phone_of("530199001"))
    for path in ("/boards", f"/boards/{BOARD}/code", f"/boards/{BOARD}/sheet.pdf"):
        is_a_plain_refusal(township.get(path), 403, "role_required")
    is_a_plain_refusal(build.office().get("/boards/nowhere/code"), 404, "unknown_board")


def test_the_printed_link_shows_the_board_in_any_browser(build: Build) -> None:
    office = build.office()
    one = next(item for item in office.get("/boards").json["items"] if item["code"] == BOARD)  # type: ignore[index]
    shown = build.nobody().client.get(f"/b/{one['token']}")
    assert shown.status_code == 200
    page = shown.get_data(as_text=True)
    assert one["reach_name"] in page
    assert "县级河长" in page
    assert "监督电话" in page
    assert "199000000" not in page
    lost = build.nobody().client.get("/b/<script>")
    assert lost.status_code == 404
    assert "<script>" not in lost.get_data(as_text=True)
    assert one["link"].endswith(f"/b/{one['token']}")
