"""Forms of pages, read into the same models as the API's bodies."""

from __future__ import annotations

from typing import Any, TypeVar, get_args, get_origin

from flask import request
from pydantic import BaseModel
from werkzeug.datastructures import MultiDict

from backend.domain.faults import Fault

T = TypeVar("T", bound=BaseModel)

# What belongs to the form itself and not to what it says.
OURS = frozenset({"form_token", "form_key", "version", "back"})


def read(model: type[T], **more: Any) -> T:
    """The form of this request as a model. What was left empty counts as not said. Raises ValidationError."""
    return model.model_validate({**as_data(model, request.form), **more})


def query(model: type[T]) -> T:
    """The query string as a model."""
    return model.model_validate(as_data(model, request.args))


def as_data(model: type[BaseModel], sent: MultiDict[str, str]) -> dict[str, Any]:
    """Fields whose type is a list keep every value, others the last one that is not empty."""
    data: dict[str, Any] = {}
    for name, values in sent.lists():
        if name in OURS:
            continue
        filled = [value.strip() for value in values if value.strip()]
        known = model.model_fields.get(name)
        if known is not None and _is_list(known.annotation):
            data[name] = filled
        elif filled:
            data[name] = filled[-1]
    return data


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is list or any(get_origin(part) is list for part in get_args(kind))


def key() -> str:
    """The form's own key, by which a second press of the button is known. Raises Fault when it is missing."""
    sent = request.form.get("form_key", "").strip()
    if not 8 <= len(sent) <= 128 or not sent.isascii():
        raise Fault("form_key_missing", "表单不完整，请刷新页面后再提交。")
    return sent
