"""Listening to a sender, and telling one that waits from one that has stopped or hangs.

A stopped process keeps its socket, so the end of the stream never comes. As long as it has
something to send, a sender whose event loop turns says so again and again.
"""

import socket
import struct
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from prompting.fcm.sender.wire import Told

SIGNS = 20
"""How many signs of life fit into the silence after which a sender is given up."""
_STANDSTILL = 5
"""Who looks again after more than this part of the silence has stood still too."""


class Silence(Exception):
    """Nothing was heard of a sender for too long, although it has something to send."""


def bound_reading(near: socket.socket, seconds: float) -> None:
    """Let no read from `near` last longer: a sender may stop in the middle of a message."""
    whole = int(seconds)
    bound = struct.pack("@ll", whole, int((seconds - whole) * 1e6))
    near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, bound)


def hear(
    conn: "Connection[Any, Any]",
    *,
    patience: float,
    pending: Callable[[], bool],
    monotonic: Callable[[], float] = time.monotonic,
) -> Told:
    """Return what the sender says next; wait for it for ever while nothing is `pending`.

    Silence counts anew, in seconds, once this process itself has stood still: after a night in
    which the whole machine slept, a sender that is about to speak must get its turn.

    Raises:
        Silence: if nothing came for `patience` seconds, or not all of a message.
        EOFError, OSError: if the sender is no more.
    """
    since = now = monotonic()
    while not conn.poll(patience / SIGNS):
        before, now = now, monotonic()
        if not pending() or now - before > patience / _STANDSTILL:
            since = now
        elif now - since >= patience:
            raise Silence
    try:
        told: Told = conn.recv()
    except BlockingIOError as error:
        raise Silence from error
    return told
