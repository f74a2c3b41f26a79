"""The process that sends: `python -m prompting.fcm.sender FD`, started by `SenderProcess` alone.

FD is a socket. It ends when the other side says so, closes its end or is no more; signals that a
terminal or a service manager sends to the whole group are left to the other side.
"""

import asyncio
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any

import uvloop

from engine.interpreter import settle_in
from prompting.fcm.breaker import Breaker
from prompting.fcm.bucket import TokenBucket
from prompting.fcm.client import FcmClient
from prompting.fcm.credentials import ServiceAccount, StaticBearer
from prompting.fcm.sender.hearing import SIGNS
from prompting.fcm.sender.wire import (
    Alive,
    Batch,
    Close,
    Done,
    Orders,
    Ready,
    condensed,
    unpacked,
)

_LOOK_SECONDS = 1.0
"""How often to see whether the parent is still there: others may hold its end of the socket."""


def main() -> None:
    """Obey the process at the other end of the socket."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    parent = Connection(int(sys.argv[1]))
    settle_in()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_obey(parent, os.getppid()))


async def _obey(parent: "Connection[Any, Any]", parent_id: int) -> None:
    orders: Orders = parent.recv()
    try:
        client = _client(orders, parent)
    except (ValueError, OSError) as error:
        parent.send(Ready(error))
        return
    parent.send(Ready())
    loop = asyncio.get_running_loop()
    closing: asyncio.Future[Close] = loop.create_future()
    sending: set[asyncio.Task[None]] = set()

    def take(order: Batch | Close) -> None:
        if isinstance(order, Close):
            closing.set_result(order)
            return
        task = loop.create_task(_send(client, order, parent))
        sending.add(task)
        task.add_done_callback(sending.discard)

    def listen() -> None:
        try:
            while True:
                order = parent.recv()
                loop.call_soon_threadsafe(take, order)
                if isinstance(order, Close):
                    return
        except (EOFError, OSError):
            os._exit(1)  # nobody is left to tell what became of anything

    threading.Thread(target=listen, name="orders", daemon=True).start()
    every = min(_LOOK_SECONDS, orders.limits.silence_seconds / SIGNS)
    watching = loop.create_task(_watch(parent, parent_id, sending, every))
    await client.aclose(drain_seconds=(await closing).drain_seconds)
    await asyncio.gather(*sending)
    watching.cancel()


async def _watch(
    parent: "Connection[Any, Any]",
    parent_id: int,
    sending: "set[asyncio.Task[None]]",
    every: float,
) -> None:
    """Say each `every` seconds that this loop turns, while it sends; end all with the parent."""
    with suppress(OSError):
        while os.getppid() == parent_id:
            if sending:
                parent.send(Alive())
            await asyncio.sleep(every)
    os._exit(1)


def _client(orders: Orders, parent: "Connection[Any, Any]") -> FcmClient:
    account = None if orders.key is None else ServiceAccount.from_key(orders.key)
    project = orders.project or (account.project if account else "")
    return FcmClient(
        orders.endpoint,
        project,
        account or StaticBearer(),
        limits=orders.limits,
        bucket=TokenBucket(orders.per_minute),
        breaker=Breaker(tell=parent.send),
    )


async def _send(client: FcmClient, batch: Batch, parent: "Connection[Any, Any]") -> None:
    now = batch.now + timedelta(seconds=time.monotonic() - batch.at)
    outcomes = await client.send_many(unpacked(batch.pushes), now=now)
    parent.send(Done(batch.number, condensed(outcomes)))


if __name__ == "__main__":
    main()
