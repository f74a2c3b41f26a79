"""Answers: phones that answer at the same time through the real API, against bare commits.

The baseline stores rows of the same size with a commit each and does nothing else: no request, no
check of the answer, no scoring, no reply. It is a ceiling, so `ratio` is below 1.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import numpy as np
from pyreqwest.client import Client, ClientBuilder

from benchmarks.filling import add_due, add_patients, credential
from benchmarks.processes import BenchUnusable, database
from content.library import Library
from engine.clock import system_clock
from engine.prompt import State
from engine.store import Database, migrate, open_database

CLIENTS = 32
CONTENT = "checkin.momentary"
VALUES = {"valence": 62, "energy": 40, "stress": 35, "urge_to_avoid": 20}
_START_SECONDS = 30.0

Say = Callable[[str], object]


def report(answers: int, kind: str, say: Say = lambda text: None) -> dict[str, Any]:
    """Return the figures of `welltimed bench answers`.

    Raises BenchUnusable where this kind of database or the API cannot be started.
    """
    with database(kind) as url:
        db = open_database(url)
        try:
            migrate(db)
            say(f"filling a clinic with {answers:,} prompts that wait for an answer")
            now = system_clock()
            add_patients(db, range(answers), now=now)
            prompts = add_due(db, range(answers), due_at=now - timedelta(minutes=1), **_SENT)
            say("answering through the API")
            with _serving(url) as api:
                latencies, seconds = asyncio.run(_answer(api, prompts))
            say("bare commits")
            bare = _bare_commits(db, answers, now)
        finally:
            db.close()
    return {
        "database": kind,
        "answers": answers,
        "clients": CLIENTS,
        "rate": round(answers / seconds, 1),
        "p50_s": round(float(np.quantile(latencies, 0.5)), 4),
        "p99_s": round(float(np.quantile(latencies, 0.99)), 4),
        "baseline_rate": round(bare, 1),
        "ratio": round(answers / seconds / bare, 4),
    }


_SENT: dict[str, Any] = {"state": State.ACCEPTED, "attempts": 1}


async def _answer(api: str, prompts: list[str]) -> tuple[list[float], float]:
    """Return how long each answer took, and all of them together."""
    version = Library.builtin().get(CONTENT).version
    client = ClientBuilder().no_proxy().timeout(timedelta(seconds=60)).build()
    numbered, latencies = iter(enumerate(prompts)), [0.0] * len(prompts)

    async def phone() -> None:
        for number, prompt_id in numbered:
            began = time.perf_counter()
            await _put(client, api, number, _body(prompt_id, version))
            latencies[number] = time.perf_counter() - began

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CLIENTS):
            group.create_task(phone())
    seconds = time.perf_counter() - began
    await client.close()
    return latencies, seconds


async def _put(client: Client, api: str, number: int, body: dict[str, Any]) -> None:
    request = client.put(f"{api}/v1/device/responses/{uuid4()}").bearer_auth(credential(number))
    response = await request.body_json(body).build().send()
    if response.status != 201:
        raise RuntimeError(f"an answer was refused: {response.status} {await response.text()}")


def _body(prompt_id: str, version: str) -> dict[str, Any]:
    return {
        "prompt_id": prompt_id,
        "content_id": CONTENT,
        "content_version": version,
        "answers": VALUES,
        "answered_at": system_clock().isoformat(),
    }


def _bare_commits(db: Database, answers: int, now: datetime) -> float:
    """Return how many rows of an answer's size can be committed one by one in a second."""
    text = json.dumps(_body(str(uuid4()), "1.0.0"))
    with db.write() as tx:
        tx.conn.exec_driver_sql("CREATE TABLE bare (id text PRIMARY KEY, at text, body text)")
    began = time.perf_counter()
    for _ in range(answers):
        with db.write() as tx:
            row = f"'{uuid4()}', '{now.isoformat()}', '{text}'"
            tx.conn.exec_driver_sql(f"INSERT INTO bare VALUES ({row})")
    return answers / (time.perf_counter() - began)


@contextmanager
def _serving(url: str) -> Iterator[str]:
    """Yield the address of the API in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", "from api.cli import main; main()", "serve", "--no-worker"]
    with subprocess.Popen(
        [*command, "--port", str(port)],
        env={**os.environ, "WELLTIMED_DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _await_port(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _await_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise BenchUnusable("the API did not start")
