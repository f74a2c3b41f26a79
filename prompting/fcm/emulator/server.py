"""The emulator served by itself, for `welltimed fcm-emulator`."""

from pathlib import Path

from engine.clock import system_clock
from prompting.fcm.emulator.app import build_emulator
from prompting.serving import serve_forever


def run_emulator(host: str = "127.0.0.1", port: int = 8099, log_path: Path | None = None) -> None:
    """Serve an emulator on `host` and `port` until SIGINT or SIGTERM.

    Raises:
        OSError: if the address cannot be bound.
    """
    serve_forever(build_emulator(clock=system_clock, log_path=log_path), host=host, port=port)
