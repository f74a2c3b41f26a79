"""Python's interpreter, told how a process is that lives long and has several threads at work."""

import gc
import sys

_TURN_SECONDS = 0.0005


def settle_in() -> None:
    """Let the garbage collector pass over all there is by now, and threads take turns quickly.

    Called once a process has imported what it needs. Going through those hundreds of thousands of
    objects again and again would cost it a good part of its time; and a thread that gets an answer
    from the database would wait up to 5 ms for another that computes.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    sys.setswitchinterval(_TURN_SECONDS)
