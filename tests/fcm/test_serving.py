import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from engine.clock import system_clock
from prompting.fcm.emulator import build_emulator
from prompting.fcm.emulator.faults import FaultKind, FaultRule
from prompting.serving import DROP_CONNECTION, served


async def echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


async def endless(request: Request) -> Response:
    async def ticks():
        while True:
            yield b"tick\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(ticks())


APP = Starlette(
    routes=[Route("/echo", echo, methods=["POST"]), Route("/endless", endless)],
)


def test_an_app_is_served_on_a_free_port_and_gone_afterwards():
    before = threading.active_count()
    with served(APP) as url, served(APP) as other:
        assert url != other
        body = os.urandom(300_000)
        assert httpx2.post(f"{url}/echo", content=body, trust_env=False).content == body
    with pytest.raises(httpx2.ConnectError):
        httpx2.post(f"{url}/echo", trust_env=False)
    assert threading.active_count() == before


def test_a_taken_port_is_an_os_error():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"), served(APP, port=taken.getsockname()[1]):
            pass


def test_an_app_that_fails_to_start_is_reported():
    @contextlib.asynccontextmanager
    async def fails(app):
        raise RuntimeError("no database")
        yield

    with pytest.raises(RuntimeError, match="did not start"), served(Starlette(lifespan=fails)):
        pass


def test_an_exception_in_the_block_stops_the_server_too():
    before = threading.active_count()
    with pytest.raises(KeyError), served(APP):
        raise KeyError
    assert threading.active_count() == before


async def test_open_streams_and_hanging_requests_do_not_hold_up_the_end():
    emulator = build_emulator(clock=system_clock)
    emulator.faults.set([FaultRule(kind=FaultKind.HANG)])
    body = {"message": {"token": "emu-a"}}
    async with httpx2.AsyncClient(trust_env=False, timeout=60) as http:
        with served(APP) as url, served(emulator) as emulator_url:
            streams = [
                http.stream("GET", f"{url}/endless"),
                http.stream("GET", f"{emulator_url}/stream?token=emu-a"),
            ]
            for stream in streams:
                assert (await stream.__aenter__()).status_code == 200
            hanging = asyncio.create_task(
                http.post(
                    f"{emulator_url}/v1/projects/p/messages:send",
                    json=body,
                    headers={"Authorization": "Bearer owner"},
                )
            )
            while emulator.log.received == 0:
                await asyncio.sleep(0.01)
            began = time.monotonic()
        assert time.monotonic() - began < 10
        for stream in streams:
            await stream.__aexit__(None, None, None)
        with pytest.raises(httpx2.TransportError):
            await hanging


async def test_an_app_can_cut_its_connection():
    async def cut(scope, receive, send):
        if scope["type"] == "http":
            scope["extensions"][DROP_CONNECTION]()
            while (await receive())["type"] != "http.disconnect":
                pass

    with served(cut) as url, pytest.raises(httpx2.ReadError):
        httpx2.get(url, trust_env=False)


def test_the_emulator_in_the_foreground_ends_on_a_signal_even_with_a_stream_open(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = f"from prompting.fcm.emulator.server import run_emulator; run_emulator(port={port})"
    process = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE)
    try:
        url = f"http://127.0.0.1:{port}"
        transport = httpx2.HTTPTransport(retries=0)
        with httpx2.Client(base_url=url, transport=transport, timeout=60) as http:
            wait_for(http)
            with http.stream("GET", "/stream", params={"token": "emu-a"}) as response:
                assert response.status_code == 200
                process.send_signal(signal.SIGINT)
                _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert errors == b""


def wait_for(http: httpx2.Client) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if http.get("/health").status_code == 200:
                return
        except httpx2.ConnectError:
            time.sleep(0.05)
    raise AssertionError("the emulator did not start")
