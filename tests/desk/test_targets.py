"""The targets board at the desk: set up, filled in by the unit that answers, corrected in sight."""

from __future__ import annotations

from collections.abc import Callable

from tests.build import Build, phone_of
from tests.desk.conftest import Screen

UNIT = "530199001"
MONTHS = (("2026-01-31", "82.5"), ("2026-02-28", "84"), ("2026-03-31", "88.1"), ("2026-04-30", "87"))


def test_a_target_is_set_up_filled_in_and_corrected(screen: Callable[..., Screen], build: Build) -> None:
    desk = screen().open("/desk/targets")
    desk.sees("还没有设立目标")
    for label, text in (("名称", "城镇污水处理率"), ("计量单位", "%"), ("目标值", "95"), ("到哪天达到", "2026-12-31")):
        desk.fill(label, text)
    desk.page.get_by_label("责任单位").select_option(UNIT)
    desk.page.get_by_label("名称").press("Enter")
    desk.sees("目标已设立")
    code = desk.page.url.rpartition("/")[2]
    handler = build.at_the_desk(phone_of(UNIT))
    for on, value in MONTHS:
        handler.send(f"/desk/targets/{code}/values", on=on, value=value, source="污水处理厂月报")
    unexplained = handler.send(f"/desk/targets/{code}/values", on="2026-04-30", value="89", source="污水处理厂月报")
    assert (unexplained.status_code, "要更正请写明原因" in unexplained.text) == (422, True)
    assert 'value="89"' in unexplained.text, "what was typed is still there"
    again = {"on": "2026-04-30", "value": "89", "source": "污水处理厂月报", "reason": "漏了一座厂"}
    assert "更正：漏了一座厂" in handler.send(f"/desk/targets/{code}/values", **again).text
    assert handler.send(f"/desk/targets/{code}/end").status_code == 403
    desk.page.reload()
    assert desk.page.locator("s", has_text="87%").count() == 1
    desk.looks_right("target")
    desk.open("/desk/targets")
    desk.looks_right("targets")
    other = build.at_the_desk(phone_of("530199002"))
    assert "填数值" not in other.get(f"/desk/targets/{code}").text
    assert other.send(f"/desk/targets/{code}/values", **again).status_code == 403
