"""The office decides on the phone what the public sees of a case."""

from __future__ import annotations

from collections.abc import Callable

from tests.build import OFFICE, Build
from tests.e2e.conftest import MiniProgram
from tests.e2e.test_official import Desk


def test_a_sensitive_case_is_published_in_the_offices_words_and_withheld_again(
    phone: Callable[..., MiniProgram], build: Build
) -> None:
    case_id, _ = build.case("rectifying", at="bank_left", category="sand_mining")
    office = Desk(phone(), build, OFFICE)
    mini = office.case(case_id)
    mini.sees("问题在左岸，离河道中心线约")
    mini.tap("向社会公开")
    mini.sees("群众现在看不到：属于敏感类别")
    office.write("公开的话", "举报人王小明，电话13812345678")
    mini.tap("这样公开")
    mini.page.get_by_role("alertdialog").get_by_role("button", name="公开", exact=True).click()
    mini.sees("公开的说明里有电话、证件号或姓名")
    office.write("公开的话", "河道里有人采砂，正在查处。")
    mini.shown(mini.page.get_by_role("checkbox")).click()
    mini.picture("publication-chosen")
    mini.tap("这样公开")
    mini.sees("公开 1 张照片。群众马上能看到。")
    mini.page.get_by_role("alertdialog").get_by_role("button", name="公开", exact=True).click()
    mini.sees("群众现在看得到这件案件。")
    [shown] = build.nobody().get("/public/cases").json["items"]  # type: ignore[index]
    assert (shown["words"], shown["picture"] is not None) == ("河道里有人采砂，正在查处。", True)

    mini.tap("不公开")
    mini.sees("请写明为什么不公开。")
    mini.tap("填入：正在调查，公开会惊动当事人。")
    mini.tap("不公开")
    mini.sees("群众现在看不到：县河长办决定不公开")
    assert build.nobody().get("/public/cases").json["items"] == []  # type: ignore[index]
