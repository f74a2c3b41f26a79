"""`fcm-emulator`: the stand-in for Firebase by itself."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.environment import check_port
from api.cli.output import err
from prompting.fcm.emulator.server import run_emulator


def fcm_emulator(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 8099,
    log: Annotated[Path | None, typer.Option(help="File for one JSON line a message.")] = None,
) -> None:
    """Serve the FCM emulator by itself."""
    check_port(host, port)
    err.print(f"FCM emulator on http://{host}:{port}; set WELLTIMED_FCM_ENDPOINT to it.")
    run_emulator(host, port, log)
