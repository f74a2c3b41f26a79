"""`welltimed content`: checking content files."""

from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import Json, err, out, print_json
from content.check import check_path

app = typer.Typer(help="Content files.", no_args_is_help=True)


@app.callback()
def content() -> None:
    """Work on content files."""


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="A content file or a folder of them.")],
    as_json: Json = False,
) -> None:
    """Check content files; exit 1 when one has a fault."""
    report = check_path(path)
    if as_json:
        print_json(
            {
                "ok": report.ok,
                "errors": [
                    {"file": f.file, "line": f.line, "path": f.path, "message": f.message}
                    for f in report.errors
                ],
                "items": list(report.items),
            }
        )
    else:
        for fault in report.errors:
            err.print(str(fault), markup=False, emoji=False)
        if report.ok:
            out.print(f"{len(report.items)} good: {', '.join(report.items)}")
    if not report.ok:
        raise typer.Exit(1)
