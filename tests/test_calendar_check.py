"""What `qinghe county check` says about calendars."""

from __future__ import annotations

import shutil
from datetime import date
from pathlib import Path

from click.testing import CliRunner

from backend.calendar_check import warnings
from backend.cli import qinghe
from backend.county_files import read_county

DEMO = Path(__file__).parents[1] / "config" / "county" / "qingyuan"


def test_the_demo_calendars_agree_and_only_next_year_is_missing() -> None:
    said = warnings(read_county(DEMO).calendar, date(2026, 6, 1))
    assert len(said) == 1
    assert said[0].startswith("没有 calendar-2027.toml")


def test_every_different_day_is_named() -> None:
    calendar = read_county(DEMO).calendar
    wrong = calendar.model_copy(
        update={
            "holidays": calendar.holidays - {date(2026, 10, 1)} | {date(2026, 8, 12)},
            "workdays": calendar.workdays - {date(2026, 2, 14)},
        }
    )
    said = warnings(wrong, date(2025, 6, 1))
    assert said == [
        "2026-02-14（周六）本县算休息日，公布的是工作日（春节）。",
        "2026-08-12（周三）本县算休息日，公布的是工作日。",
        "2026-10-01（周四）本县算工作日，公布的是休息日（国庆节）。",
    ]


def test_a_year_that_nobody_published_is_said_to_be_unchecked() -> None:
    calendar = read_county(DEMO).calendar.model_copy(update={"years": (2025, 2026, 2031)})
    assert any("2031 年的日历没有可对照" in line for line in warnings(calendar, date(2025, 6, 1)))


def test_the_command_warns_and_still_calls_the_folder_sound(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(DEMO, tmp_path / "county"))
    text = (folder / "calendar-2026.toml").read_text("utf-8")
    (folder / "calendar-2026.toml").write_text(text.replace("2026-10-01, ", ""), "utf-8")
    done = CliRunner().invoke(qinghe, ["county", "check", str(folder)])
    assert done.exit_code == 0
    assert "配置正确" in done.output
    assert "2026-10-01（周四）本县算工作日" in done.output
