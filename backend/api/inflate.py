"""Bodies that the phone packed: `Content-Encoding: gzip`, inflated up to a limit, that none becomes a flood."""

from __future__ import annotations

import io
import zlib

from flask import Flask, request

from backend.domain.faults import Fault

MAX_INFLATED = 8 * 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS


class TooLarge(Fault):
    status = 413


class UnknownCoding(Fault):
    status = 415


def install(app: Flask) -> None:
    """Inflate after admission, so that only those who may call make the server work."""

    @app.before_request
    def inflate() -> None:
        coding = request.headers.get("Content-Encoding", "identity").strip().lower()
        if coding in ("identity", ""):
            return
        if coding not in ("gzip", "x-gzip"):
            raise UnknownCoding("unknown_coding", "只接受 gzip 压缩的内容。")
        body = _inflated(request.get_data(cache=False))
        request.environ["wsgi.input"] = io.BytesIO(body)
        request.environ["CONTENT_LENGTH"] = str(len(body))
        del request.environ["HTTP_CONTENT_ENCODING"]
        request.__dict__.pop("stream", None)  # what was read is forgotten, so that the inflated body is read instead


def _inflated(packed: bytes) -> bytes:
    unpacking = zlib.decompressobj(_GZIP)
    try:
        body = unpacking.decompress(packed, MAX_INFLATED + 1)
    except zlib.error:
        raise Fault("bad_gzip", "压缩的内容已损坏，请重新上传。") from None
    if len(body) > MAX_INFLATED:
        raise TooLarge("too_large", f"内容解压后超过 {MAX_INFLATED // 1024 // 1024} MB，请分段上传。")
    if not unpacking.eof or unpacking.unused_data:
        raise Fault("bad_gzip", "压缩的内容不完整，请重新上传。")
    return body
