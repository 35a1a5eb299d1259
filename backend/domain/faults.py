"""What the domain answers when a thing cannot be done: a stable code and a Chinese sentence fit to show."""

from __future__ import annotations

from typing import Any


class Fault(Exception):  # noqa: N818  # the domain word
    """A refusal. `code` is stable for programs, `title` is for people, `status` its HTTP status."""

    status = 422

    def __init__(self, code: str, title: str, **extra: Any) -> None:
        super().__init__(f"{code}: {title}")
        self.code = code
        self.title = title
        self.extra = extra


class Unauthenticated(Fault):
    status = 401


class Forbidden(Fault):
    status = 403


class NotFound(Fault):
    status = 404

    def __init__(self, title: str = "找不到您要的内容，可能已被删除或链接有误。", code: str = "not_found") -> None:
        super().__init__(code, title)


class Conflict(Fault):
    status = 409


class TooMany(Fault):
    status = 429
