"""Real processes under load: gunicorn or a worker over a benchmark's database, and many connections that ask them."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from backend.local import ports, process
from backend.local.folder import CHECKOUT


class Served:
    """A process of ours, ready when it answers at its port; a worker has none."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], port: int | None = None) -> None:
        self.command, self.port = command, port
        self.env = {**env, "HOST": ports.LOOPBACK, "PORT": str(port or 0)}

    def __enter__(self) -> Served:
        self.process = subprocess.Popen(
            process.python(*self.command), env=process.python_env(self.env), cwd=CHECKOUT, stderr=subprocess.DEVNULL
        )
        while self.port and self.process.poll() is None:
            try:
                socket.create_connection((ports.LOOPBACK, self.port), 5).close()
                break
            except ConnectionRefusedError:
                time.sleep(0.1)
        assert self.process.poll() is None, f"{self.command} did not start"
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(20)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind((ports.LOOPBACK, 0))
        return int(taken.getsockname()[1])


class Connection:
    """One kept HTTP connection that does as little as possible for itself: the load must not be the bottleneck."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((ports.LOOPBACK, port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> int:
        """Send the request, read the answer to its end. Returns the status."""
        self.socket.sendall(request)
        got = b""
        while (end := got.find(b"\r\n\r\n")) < 0:
            got += self._more()
        head = got[:end].lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
        missing = length - (len(got) - end - 4)
        while missing > 0:
            missing -= len(self._more())
        return int(got[9:12])

    def _more(self) -> bytes:
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("the server hung up")
        return data


def post(path: str, body: bytes, **headers: str) -> bytes:
    """A POST request of JSON as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: bench", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def rate(port: int, connections: int, for_s: float, requests: Callable[[int], Iterator[bytes]]) -> float:
    """Answers of 201 a second over so many connections; `requests(n)` are those of connection n."""
    done = [0] * connections
    begin, until = threading.Barrier(connections + 1), 0.0

    def run(number: int) -> None:
        connection, mine = Connection(port), requests(number)
        begin.wait()
        while time.perf_counter() < until:
            status = connection.ask(next(mine))
            assert status == 201, status
            done[number] += 1

    threads = [threading.Thread(target=run, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    until = time.perf_counter() + for_s
    begin.wait()
    begun = time.perf_counter()
    for thread in threads:
        thread.join()
    return sum(done) / (time.perf_counter() - begun)
