"""Waiting for what happens in another task or thread."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds; fail where it does not within a minute."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)
