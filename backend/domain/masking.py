"""Masking of what gives a writer away in a forwarded text 转办: phones, identity numbers, accounts, names."""

from __future__ import annotations

import re
import unicodedata

_GAP = r"[\s\-.,，、·_—]*"
_ID_NUMBER = re.compile(r"(?<!\d)\d(?:" + _GAP + r"\d){13,16}" + _GAP + r"[\dXx](?![\dXx])")
_MOBILE = re.compile(r"(?<!\d)(?:\+?86" + _GAP + r")?1" + _GAP + r"[3-9](?:" + _GAP + r"\d){9}(?!\d)")
_LANDLINE = re.compile(r"(?<!\d)(?:0\d{2,3}[\s\-]?)\d{7,8}(?!\d)")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ACCOUNT = re.compile(r"((?:微信|weixin|wechat|VX|QQ)号?[\s::是]*)([A-Za-z0-9_\-]{5,20})", re.IGNORECASE)
_COMPOUND = "欧阳|上官|司马|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|夏侯|司徒|端木|南宫|独孤|宇文|长孙|轩辕"
_ENDS = r"(?=[，。,.、;；:!！\s]|$)"
_NAME = re.compile(
    # Names of more than three signs, where nothing but a name can stand: 我是 is followed by other things as well.
    r"((?:我叫|本人(?:叫|姓名)|姓名[::]?|联系人[::]?|名字(?:叫|是))\s*)([一-鿿]{2,4}|[一-鿿]{1,8}(?:[·•・][一-鿿]{1,8})+)"
    + _ENDS
    + r"|((?:我是|本人)\s*)([一-鿿]{2,3}|(?:"
    + _COMPOUND
    + r")[一-鿿]{1,2}|[一-鿿]{1,8}(?:[·•・][一-鿿]{1,8})+)"
    + _ENDS
)
_NUMERALS = str.maketrans("零〇一二三四五六七八九幺", "001234567891")
_SPELLED = re.compile(r"[零〇一二三四五六七八九幺](?:" + _GAP + r"[零〇一二三四五六七八九幺]){10}")


def mask(text: str) -> str:
    """The text with the writer's traces replaced by words that say what stood there."""
    shown = unicodedata.normalize("NFKC", text)
    shown = _ID_NUMBER.sub("[证件号已隐去]", shown)
    shown = _MOBILE.sub("[手机号已隐去]", shown)
    shown = _SPELLED.sub(_spelled_mobile, shown)
    shown = _LANDLINE.sub("[电话已隐去]", shown)
    shown = _EMAIL.sub("[邮箱已隐去]", shown)
    shown = _ACCOUNT.sub(r"\1[账号已隐去]", shown)
    return _NAME.sub(lambda found: f"{found[1] or found[3]}[姓名已隐去]", shown)


def needs_release(privacy: str, sensitive: bool) -> bool:
    """保密 and 匿名 in sensitive kinds: the office reads first what units will read."""
    return sensitive and privacy != "named"


def _spelled_mobile(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match.group().translate(_NUMERALS))
    return "[手机号已隐去]" if re.fullmatch(r"1[3-9]\d{9}", digits) else match.group()
