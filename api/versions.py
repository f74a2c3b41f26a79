"""Optimistic locking over HTTP: a version goes out as ETag and comes back as If-Match."""

from fastapi import Response

from engine.errors import FieldFault, FieldsRefused


def etag(response: Response, version: int) -> None:
    """Name the version of what is sent."""
    response.headers["ETag"] = f'"{version}"'


def expected_version(if_match: str | None) -> int:
    """Return the version the caller edited. Raises FieldsRefused if it is not a number."""
    number = (if_match or "").strip().strip('"')
    if not number.isdecimal() or len(number) > 9:
        raise FieldsRefused(FieldFault("If-Match", 'the version you edited, like "3"'))
    return int(number)
