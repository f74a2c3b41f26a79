"""Python's garbage collector, told what it need not look at."""

import gc


def spare_the_collector() -> None:
    """Let the collector pass over all there is by now, and come less often.

    Called once a long-lived process has imported what it needs: going through those hundreds of
    thousands of objects again and again would cost it a good part of its time.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
