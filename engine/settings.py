"""Settings, read once from the environment by the composition roots and passed on from there."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_DATABASE = "sqlite:///welltimed.db"
EMULATOR_PROJECT = "welltimed-emulator"
FCM_ENDPOINT = "https://fcm.googleapis.com"
"""Where the real FCM HTTP v1 listens."""

Share = Annotated[float, Field(ge=0, le=1)]


class Settings(BaseSettings):
    """Everything an admin can set, each as `WELLTIMED_<NAME>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="WELLTIMED_", frozen=True, extra="ignore")

    database_url: str = DEFAULT_DATABASE
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    public_url: str | None = None
    """Address patients and therapists use; `https://` makes the session cookie Secure."""

    fcm_project: str | None = None
    fcm_endpoint: str | None = None
    fcm_credentials: Path | None = Field(
        default=None,
        validation_alias=AliasChoices(
            "WELLTIMED_FCM_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS"
        ),
    )
    """Service account file; with neither it nor an endpoint the built-in emulator is used."""

    fcm_per_minute: Annotated[int, Field(ge=60)] = 600_000
    """Most messages a minute one process sends: a new project's quota. Divide it by the workers."""

    emulator_log: Path | None = None
    """Where the built-in emulator appends each message as a JSON line."""

    epsilon: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Share of each adaptive decision drawn uniformly: the floor under every propensity."""
    control_share: Share = 0.2
    """Share of adaptive windows that are drawn uniformly for good, to compare with."""
    refit_hour_utc: Annotated[int, Field(ge=0, le=23)] = 3
    policy: Literal["adaptive", "pooled", "person", "uniform"] = "adaptive"
    """By what adaptive windows are timed: all that is known, or a part of it, or chance alone."""

    silent_after: Annotated[int, Field(ge=2, le=50)] = 5
    """How many prompts a phone may leave without any sign of life before it is called silent."""
    metrics_token: Annotated[str | None, Field(min_length=16)] = None
    """Bearer token of `/metrics`; without one only callers on the same machine are answered."""

    @property
    def uses_emulator(self) -> bool:
        """Whether pushes go to the built-in FCM emulator of the serving process."""
        return self.fcm_credentials is None and self.fcm_endpoint is None

    @property
    def secure_cookies(self) -> bool:
        """Whether cookies are marked Secure."""
        return bool(self.public_url and self.public_url.startswith("https://"))
