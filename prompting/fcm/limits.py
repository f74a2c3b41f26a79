"""How long one attempt may take, how many may be under way, and how long silence is borne."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long one attempt may take, how many may be under way, how long silence is borne.

    `timeout_seconds` bounds an attempt from connecting to the last byte, `connect_seconds` the
    connecting alone. `connections` are opened one after the other as each has `streams` requests
    under way. `trusted_pem` is a further certificate authority, for servers of one's own. A sending
    process of which nothing is heard for `silence_seconds`, while it has something to send, counts
    as dead: far longer than a busy machine takes, and well before the lease of a prompt runs out.
    """

    timeout_seconds: float = 10
    connect_seconds: float = 5
    connections: int = 8
    streams: int = 100
    trusted_pem: bytes | None = None
    silence_seconds: float = 20

    def __post_init__(self) -> None:
        if min(self.timeout_seconds, self.connect_seconds, self.silence_seconds) <= 0:
            raise ValueError("timeout_seconds, connect_seconds, silence_seconds: must be positive")
        if self.connections < 1 or self.streams < 1:
            raise ValueError("connections, streams: must be at least 1")


DEFAULT_LIMITS = Limits()
