"""Free loopback ports."""

from __future__ import annotations

import secrets
import socket

from backend.local.errors import LocalError

LOOPBACK = "127.0.0.1"

# Below Linux's range for outgoing connections (32768 up), so that none of those takes a remembered port by chance.
_LOWEST, _HIGHEST = 20000, 32000


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen on host:port now."""
    holder = reserve(port, host)
    if holder is None:
        return False
    holder.close()
    return True


def reserve(port: int, host: str = LOOPBACK) -> socket.socket | None:
    """Hold host:port by listening on it, until the socket is closed; None when somebody else has it."""
    holder = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    # As servers do: a port whose last connections still linger in TIME_WAIT is free.
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind((host, port))
        holder.listen(1)
    except OSError:
        holder.close()
        return None
    return holder


def pick(avoid: set[int]) -> int:
    """A port that is free now and not in `avoid`. Raises LocalError when a thousand tries found none."""
    for _ in range(1000):
        # Not `random`: tests seed it, and two of them must not be given the same ports.
        port = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
        if port not in avoid and is_free(port):
            return port
    raise LocalError("找不到空闲的本机端口，请关闭一些程序后重试。")
