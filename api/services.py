"""What every request handler may use, built once by a composition root."""

from dataclasses import dataclass, field

from api.limiter import Limiter
from content.library import Library
from engine.clock import Clock
from engine.settings import Settings
from engine.store import Database


@dataclass(frozen=True, slots=True)
class Services:
    """Database, clock, settings, content and the rate limiter."""

    db: Database
    clock: Clock
    settings: Settings
    library: Library
    emulator_path: str | None = None
    """Where the built-in FCM emulator is mounted; None when pushes go elsewhere."""
    limiter: Limiter = field(default_factory=Limiter)
