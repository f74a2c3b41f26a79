"""Serving an ASGI app: in a thread for tests and the demo, or in the foreground.

Both end at once even while event streams are open. uvicorn by itself waits for every open response,
and a stream has no end: so on shutdown each waiting app is told that its client has left.
"""

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DROP_CONNECTION = "welltimed.drop_connection"
"""ASGI extension: under this key `scope["extensions"]` has a function that resets the connection.

Absent where the server does not let its transport be reached."""

_START_SECONDS = 20.0
_STOP_SECONDS = 10.0
_GRACE_SECONDS = 3
_KEEP_ALIVE_SECONDS = 75
"""Longer than clients keep idle connections, so that none is closed just as it is used again."""


@contextlib.contextmanager
def served(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Yield the base URL of `app` while it is served from a thread; port 0 takes a free one.

    Raises:
        OSError: if the address cannot be bound.
        RuntimeError: if the app does not start, or does not stop.
    """
    listener = _bind(host, port)
    server = _server(app)
    thread = threading.Thread(target=_run, args=(server, listener), name="served", daemon=True)
    thread.start()
    try:
        _await_start(server, thread)
        yield f"http://{_in_url(host)}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_STOP_SECONDS)
        listener.close()
    if thread.is_alive():
        raise RuntimeError("the served app did not stop")


def serve_forever(app: ASGIApp, *, host: str, port: int) -> None:
    """Serve `app` in the foreground until SIGINT or SIGTERM.

    Raises:
        OSError: if the address cannot be bound.
        RuntimeError: if the app does not start.
    """
    listener = _bind(host, port)
    server = _server(app)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            _run(server, listener)
    finally:
        listener.close()
    if not server.started:
        raise RuntimeError("the app did not start")


class _EndableApp:
    """Passes calls on to an app, and can tell all its waiting requests that the client left."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._ending = asyncio.Event()
        self.server_exits: Callable[[], bool] = self._ending.is_set

    def end(self) -> None:
        """Let every request that waits for its client see it leave."""
        self._ending.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        incomplete = False

        async def noting(message: Message) -> None:
            nonlocal incomplete
            if message["type"] == "http.response.start":
                incomplete = True
            elif message["type"] == "http.response.body":
                incomplete = message.get("more_body", False)
            await send(message)

        await self._app(_with_drop(scope, receive), self._endable(receive), noting)
        if incomplete and self.server_exits():
            # The app thinks its client has left; the client is told properly that this is the end.
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _endable(self, receive: Receive) -> Receive:
        body_complete = False

        async def next_message() -> Message:
            nonlocal body_complete
            if body_complete:
                return await self._client_or_end(receive)
            message = await receive()
            body_complete = not message.get("more_body", False)
            return message

        return next_message

    async def _client_or_end(self, receive: Receive) -> MutableMapping[str, Any]:
        client = asyncio.ensure_future(receive())
        end = asyncio.ensure_future(self._ending.wait())
        try:
            done, _ = await asyncio.wait((client, end), return_when=asyncio.FIRST_COMPLETED)
            return client.result() if client in done else {"type": "http.disconnect"}
        finally:
            client.cancel()
            end.cancel()


class _Server(uvicorn.Server):
    """A uvicorn server that ends its streams before it waits for them."""

    def __init__(self, config: uvicorn.Config, app: _EndableApp) -> None:
        super().__init__(config)
        self._app = app
        # Some streams look for the signal themselves and end before `shutdown` is reached.
        app.server_exits = lambda: self.should_exit

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the open streams, then shut down as uvicorn does."""
        self._app.end()
        await super().shutdown(sockets)


def _server(app: ASGIApp) -> _Server:
    endable = _EndableApp(app)
    config = uvicorn.Config(
        endable,
        log_config=None,  # the program says how lines are written, and what is kept out of them
        log_level="warning",
        access_log=False,
        ws="none",
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    return _Server(config, endable)


def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    # uvicorn exits the interpreter when an app does not start; the callers look at `started`.
    with contextlib.suppress(SystemExit):
        server.run([listener])


def _with_drop(scope: Scope, receive: Receive) -> Scope:
    # uvicorn passes a bound method of the object that holds the transport. Nothing promises that,
    # so where it is not so the extension is simply absent.
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None:
        return scope
    extensions = {**(scope.get("extensions") or {}), DROP_CONNECTION: _dropper(transport)}
    return {**scope, "extensions": extensions}


def _dropper(transport: asyncio.Transport) -> Callable[[], None]:
    def drop() -> None:
        # Lingering for 0 s makes the kernel send RST, as a crashed peer's kernel does.
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()

    return drop


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _await_start(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the served app did not start")
        time.sleep(0.005)
