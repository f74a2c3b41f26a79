"""What every request handler may use, built once by a composition root."""

from dataclasses import dataclass, field

from api.limiter import Limiter
from content.library import Library
from engine.clock import Clock
from engine.settings import Settings
from engine.store import Database
from prompting.standing import Standing


@dataclass(frozen=True, slots=True)
class Services:
    """Database, clock, settings, content, the rate limiter and the model that decides."""

    db: Database
    clock: Clock
    settings: Settings
    library: Library
    emulator_path: str | None = None
    """Where the built-in FCM emulator is mounted; None when pushes go elsewhere."""
    limiter: Limiter = field(default_factory=Limiter)
    standing: Standing = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "standing", Standing(self.db))
