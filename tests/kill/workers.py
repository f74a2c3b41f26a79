"""A worker as the harness runs it: the product's dispatcher and sender on a stage."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple, cast

import uvloop
from fakes import NINE
from ground import Ground
from planted import DATABASES
from scripted_fcm import TIMEOUT_SECONDS
from stages import Point, Stage, StagedPusher, nothing
from threaded_sender import ThreadedSender

from engine.store import Database
from prompting.dispatch import BATCH, LEASE, Dispatcher
from prompting.fcm.limits import Limits

PROJECT = "clinic"
LIMITS = Limits(timeout_seconds=TIMEOUT_SECONDS)

_PRELOADED = (uvloop.new_event_loop,)
"""The sender imports its loop at first use; forked workers are to find it there."""


class Orders(NamedTuple):
    """What a worker does: a tick at each instant (None: whatever the clock says), then it ends."""

    url: str
    owner: str
    instants: Iterable[datetime | None] = (None,)
    batch: int = BATCH
    lease: timedelta = LEASE
    rest_seconds: float = 0.0
    point: Point | None = None
    act: Callable[[], None] = nothing
    cut_idle_after_ms: int | None = None


FINISHING = tuple(
    NINE + timedelta(seconds=seconds)
    for seconds in (
        1,  # the dead worker's lease still holds
        130,  # two leases have lapsed
        190,
        16 * 60,  # the reminder, 15 minutes after the first possible arrival
        19 * 60,
        21 * 60,
        60 * 60 + 5,  # quiet hours
        3 * 60 * 60 + 5,  # expired
    )
)
"""When another worker looks in to finish what was left."""


def work(ground: Ground, orders: Orders) -> None:
    """Be a worker; called in a process of its own."""
    stage = Stage(
        ground.shared, orders.point, orders.act, cut_idle_after_ms=orders.cut_idle_after_ms
    )
    pusher = _sender(orders.url, stage)
    dispatcher = Dispatcher(
        db=cast(Database, DATABASES[ground.planted](ground.workers, stage)),
        pusher=pusher,
        clock=ground.shared.clock,
        owner=orders.owner,
        batch=orders.batch,
        lease=orders.lease,
    )
    for at in orders.instants:
        if at is not None:
            ground.shared.set_clock(at)
            ground.tell_server(ground.workers)
            if not pusher.room():
                # The breaker's pause goes by a clock that nobody sets; minutes have passed here.
                pusher.close()
                pusher = _sender(orders.url, stage)
                dispatcher = replace(dispatcher, pusher=pusher)
        dispatcher.tick()
        time.sleep(orders.rest_seconds)
    pusher.close()


def _sender(url: str, stage: Stage) -> StagedPusher:
    return StagedPusher(ThreadedSender(url, PROJECT, limits=LIMITS), stage)
