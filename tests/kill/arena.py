"""One lane at work: its database, its stub, and how a scenario is finished and judged."""

import http.client
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ground import Ground
from lanes import Shared
from processes import Standing
from scripted_fcm import Seen
from verdicts import Rules, violations
from workers import FINISHING, Orders, work


@dataclass
class Figures:
    """What came out, to be added up; `faults` are the violations, one sentence each.

    `broken` counts the scenarios that had any.
    """

    scenarios: int = 0
    broken: int = 0
    kills: int = 0
    stops: int = 0
    late: int = 0
    extra: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def add(self, other: "Figures") -> None:
        self.scenarios += other.scenarios
        self.broken += other.broken
        self.kills += other.kills
        self.stops += other.stops
        self.late += other.late
        for name, count in other.extra.items():
            self.extra[name] = self.extra.get(name, 0) + count
        self.faults += other.faults


class Arena:
    """Plays one scenario after the other on one database."""

    def __init__(self, ground: Ground, port: int) -> None:
        self.ground, self._port = ground, port
        self._played = 0
        self._finisher = Standing(self._work)
        self._reader = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    @property
    def shared(self) -> Shared:
        return self.ground.shared

    def next_url(self, behaviour: str, times: int) -> str:
        """Return the stub's address for a new scenario."""
        self._played += 1
        path = f"{self.ground.lane}/{self._played}/{behaviour.replace(' ', '%20')}/{times}"
        return f"http://127.0.0.1:{self._port}/{path}"

    def log(self) -> list[Seen]:
        """Return what the stub saw in the present scenario, and let it forget."""
        self._reader.request("GET", f"/{self.ground.lane}/{self._played}/log")
        entries = json.loads(self._reader.getresponse().read())
        return [Seen(**{**entry, "tags": tuple(entry["tags"])}) for entry in entries]

    def finish(self, url: str, batch: int, instants: Sequence[datetime] = FINISHING) -> list[str]:
        """Let a worker that nobody disturbs do what is left; return what went wrong with it."""
        orders = Orders(url, owner="finisher", instants=instants, batch=batch)
        wrong = self._finisher.ask(orders)
        if wrong is None:
            return []
        self._finisher.end()
        self._finisher = Standing(self._work)
        return [f"the finishing worker {wrong}"]

    def close(self) -> None:
        self._finisher.end()
        self._reader.close()

    def _work(self, orders: Orders) -> None:
        work(self.ground, orders)

    def judge(self, rules: Rules) -> list[str]:
        return violations(self.log(), self.ground.stored(), rules)
