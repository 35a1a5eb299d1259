"""What people typed, before anything is made of it."""

from __future__ import annotations

import unicodedata

# Stands where words of people were erased by law.
ERASED = "（内容已依法删除）"


def blank(text: str) -> bool:
    """Whether nothing can be seen in it: spaces of any width, zero-width signs and control characters say nothing."""
    return all(unicodedata.category(sign)[0] in "ZC" for sign in text)


def source_number(text: str) -> str:
    """A number as another body writes it, so that it is found again: full-width letters and digits are the same."""
    narrow = "".join(unicodedata.normalize("NFKC", sign) if sign.isalnum() else sign for sign in text)
    return " ".join(narrow.split())
