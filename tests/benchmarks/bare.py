"""The floor of intake: a bare Flask view that does one INSERT and COMMIT of the bytes it was sent."""

from __future__ import annotations

import os
import threading

import psycopg
from flask import Flask, request
from flask.typing import ResponseReturnValue

app = Flask(__name__)
_own = threading.local()  # a connection per thread: no pool is as quick


@app.post("/bare")
def bare() -> ResponseReturnValue:
    if not hasattr(_own, "connection"):
        _own.connection = psycopg.connect(os.environ["DATABASE_URL"])
    _own.connection.execute("INSERT INTO bare (body) VALUES (%s)", [request.get_data()])
    _own.connection.commit()
    return {}, 201
