"""`migrate` and `user add`: what an admin does once."""

import secrets
from typing import Annotated

import typer

from api import auth
from api.cli.environment import opened, settings_given
from api.cli.output import Failed, Json, out, print_json
from engine.clock import system_clock
from engine.store import migrate as move_forward

users = typer.Typer(help="People of the clinic.", no_args_is_help=True)


def migrate(as_json: Json = False) -> None:
    """Bring the database to the newest shape of its tables."""
    db = opened(settings_given())
    steps = move_forward(db)
    if as_json:
        print_json({"database": db.url, "applied": steps})
    else:
        out.print(f"{db.url}: {', '.join(steps) if steps else 'nothing to do'}")
    db.close()


@users.callback()
def user() -> None:
    """Manage people of the clinic."""


@users.command("add")
def add(
    email: Annotated[str, typer.Argument(help="Address to sign in with.")],
    name: Annotated[str, typer.Option(help="Name as colleagues see it.")],
    role: Annotated[str, typer.Option(help=f"One of {', '.join(auth.ROLES)}.")] = "therapist",
    password: Annotated[
        str | None, typer.Option(envvar="WELLTIMED_PASSWORD", help="Made up if not given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Add someone who can sign in; a made-up password is shown once."""
    if role not in auth.ROLES:
        raise Failed(f"--role: one of {', '.join(auth.ROLES)}", code=2)
    made_up = None if password else secrets.token_urlsafe(12)
    db = opened(settings_given())
    move_forward(db)
    clinician = auth.add_clinician(
        db,
        email=email,
        name=name,
        role=role,
        password=password or made_up or "",
        now=system_clock(),
    )
    db.close()
    if as_json:
        print_json({"id": clinician.id, "email": clinician.email, "password": made_up})
    else:
        shown = f", password {made_up}" if made_up else ""
        out.print(f"{clinician.email} can sign in as {clinician.role}{shown}", markup=False)
