"""Which release of the product this is."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def release() -> str:
    """Return the version of the installed product, "unknown" where it was not installed."""
    try:
        return version("welltimed")
    except PackageNotFoundError:
        return "unknown"
