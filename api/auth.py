"""Signing clinicians in: argon2id passwords, opaque sessions kept on the server.

The browser or client holds a random token; we hold its hash, so a copy of the database opens no
session. A session ends after 30 minutes of rest and after 12 hours in any case.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from threading import BoundedSemaphore
from uuid import uuid4

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from api.bodies import UNSTORABLE
from engine.commands.enrolling import NAME_LIMIT, sha256
from engine.errors import FieldFault, FieldsRefused, NotSignedIn
from engine.records import Clinician
from engine.store import Database, people

IDLE_LIMIT = timedelta(minutes=30)
ABSOLUTE_LIMIT = timedelta(hours=12)
TOUCH_EVERY = timedelta(minutes=1)
PASSWORD_LENGTH = (12, 128)
ROLES = ("therapist", "researcher", "admin")
REFUSED = "e-mail address or password is wrong"

_hasher = PasswordHash((Argon2Hasher(time_cost=3, memory_cost=65_536, parallelism=1),))
_hashing = BoundedSemaphore(2)
"""Each hash takes 64 MiB; without a bound, many sign-ins at once would exhaust a small machine."""


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in clinician and the token the session goes by."""

    clinician: Clinician
    token: str

    @property
    def csrf(self) -> str:
        """The token that forms of this session carry, so that no other site can post them."""
        return hmac.digest(self.token.encode(), b"welltimed csrf", "sha256").hex()

    def check_csrf(self, given: str) -> None:
        """Raise NotSignedIn unless a form's token is this session's."""
        if not hmac.compare_digest(self.csrf, given):
            raise NotSignedIn("the form is from another session; load the page again")


def add_clinician(
    db: Database, *, email: str, name: str, role: str, password: str, now: datetime
) -> Clinician:
    """Store someone who can sign in. Raises FieldsRefused and Conflict."""
    low, high = PASSWORD_LENGTH
    faults = []
    if "@" not in email or len(email) > 254 or any(c.isspace() for c in email):
        faults.append(FieldFault("email", "an address like name@clinic.example"))
    if not name.strip() or len(name.strip()) > NAME_LIMIT:
        faults.append(FieldFault("name", f"1 to {NAME_LIMIT} characters"))
    if role not in ROLES:
        faults.append(FieldFault("role", f"one of {', '.join(ROLES)}"))
    if not low <= len(password) <= high:
        faults.append(FieldFault("password", f"{low} to {high} characters"))
    given = {"email": email, "name": name, "password": password}
    faults += [
        FieldFault(field, "must not hold NUL or half a surrogate pair")
        for field, text in given.items()
        if UNSTORABLE.search(text)
    ]
    if faults:
        raise FieldsRefused(*faults)
    clinician = Clinician(
        id=uuid4(), email=email, name=name.strip(), role=role, password_hash=_hash(password)
    )
    with db.write() as tx:
        people.add_clinician(tx, clinician, now=now)
    return clinician


def sign_in(db: Database, email: str, password: str, *, now: datetime) -> Session:
    """Open a session. Raises NotSignedIn, in the same words and time whatever was wrong."""
    with db.read() as tx:
        # A NUL fits no address, and PostgreSQL does not take it in a query.
        clinician = people.clinician_by_email(tx, email.replace("\x00", " "))
    nobodys = _nobodys_hash()
    stored = clinician.password_hash if clinician else nobodys
    with _hashing:
        right, renewed = _hasher.verify_and_update(password, stored)
    if clinician is None or not right:
        raise NotSignedIn(REFUSED)
    token = secrets.token_urlsafe(32)
    with db.write() as tx:
        if renewed is not None:
            people.set_password_hash(tx, clinician.id, renewed)
        people.open_session(tx, sha256(token), clinician.id, now=now)
    return Session(clinician, token)


def resume(db: Database, token: str, *, now: datetime) -> Session:
    """Return the live session of a token. Raises NotSignedIn."""
    digest = sha256(token)
    with db.read() as tx:
        found = people.session(
            tx, digest, seen_after=now - IDLE_LIMIT, created_after=now - ABSOLUTE_LIMIT
        )
    if found is None:
        raise NotSignedIn("sign in first")
    clinician, seen_at = found
    if now - seen_at > TOUCH_EVERY:
        with db.write() as tx:
            people.touch_session(tx, digest, now=now)
    return Session(clinician, token)


def sign_out(db: Database, token: str) -> None:
    """End a session."""
    with db.write() as tx:
        people.close_session(tx, sha256(token))


@cache
def _nobodys_hash() -> str:
    """Return a hash that nothing fits, checked for unknown users so that they take as long."""
    return _hash(secrets.token_urlsafe(16))


def _hash(password: str) -> str:
    with _hashing:
        return _hasher.hash(password)
