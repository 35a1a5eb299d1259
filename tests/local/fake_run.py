"""`python tests/local/fake_run.py FOLDER`: backend.local.run with fakes for our own processes, and the real servers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace

from backend.local import ports, programs, run
from backend.local.folder import Folder
from backend.local.process import Program, python

SAY = "import sys; print(sys.argv[1:])"
WEB = (
    "import os, http.server\n"
    "class Answer(http.server.BaseHTTPRequestHandler):\n"
    "    def do_GET(self):\n"
    "        self.send_response(200); self.end_headers(); self.wfile.write(b'ok')\n"
    "http.server.HTTPServer(('127.0.0.1', int(os.environ['PORT'])), Answer).serve_forever()\n"
)
WAIT = "import time; time.sleep(600)"

programs.MIGRATE = ("-c", SAY, "migrate")
programs.LOAD_COUNTY = ("-c", SAY, "county")
programs.DEMO_SETUP = ("-c", SAY, "roster")
programs.DEMO_SIGN_INS = ("-c", "print('县河长办：手机号 19900000001')")
programs.DEMO = ("-c", "import sys; print('群众举报非法排污'); sys.exit('--fail-demo' in sys.argv)", *sys.argv[2:])

_web, _wechat, _worker, _scheduler = programs.web, programs.wechat, programs.worker, programs.scheduler


def _fake(program: Program, code: str) -> Program:
    return replace(program, command=python("-c", code))


programs.web = lambda folder, env: _fake(_web(folder, env), WEB)
programs.worker = lambda number, env: _fake(_worker(number, env), WAIT)
programs.scheduler = lambda env: _fake(_scheduler(env), WAIT)


def wechat(folder: Folder, env: Mapping[str, str]) -> Program:
    """A stand-in for the stand-in: listens, answers nothing."""
    port = ports.pick(avoid=set())
    return replace(_fake(_wechat(folder, env), WAIT), ready=lambda: port > 0)


programs.wechat = wechat

if __name__ == "__main__":
    sys.exit(run.main(["--folder", sys.argv[1]]))
