"""Delivery health as Prometheus metrics: read from the database at each scrape.

Any number of processes serve and send, so no counter of one process is told: each figure is that
of the whole installation, whichever process is asked. No label names a patient.
"""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

from fastapi import Request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from engine.commands.health import DeliveryHealth
from engine.errors import NotFound, NotSignedIn
from engine.health_records import LATENESS_BOUNDS, Lateness, WorkerStatus
from engine.prompt import State
from engine.release import release

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SPAN_HOURS = 24
"""Prompts are counted over the last so many hours."""
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def exposition(found: DeliveryHealth) -> bytes:
    """Return the metrics in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Delivery(found))
    return generate_latest(registry)


def check_scraper(request: Request, given: str | None, token: str | None) -> None:
    """Raise unless the caller may read metrics: by the token, or if none is set from this machine.

    Raises NotSignedIn for a wrong token; NotFound, as if there were no such page, where none is
    set and the caller is elsewhere. What a proxy passes on comes from elsewhere.
    """
    if token is not None:
        if not hmac.compare_digest((given or "").encode(), token.encode()):
            raise NotSignedIn("no valid metrics token")
        return
    passed_on = any(name in request.headers for name in _FORWARDED)
    if passed_on or request.client is None or not _is_loopback(request.client.host):
        raise NotFound("page")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True, eq=False)  # registries tell collectors apart by identity
class _Delivery(Collector):
    """Turns delivery health into metric families."""

    found: DeliveryHealth

    def collect(self) -> Iterator[Metric]:
        """Yield each family."""
        yield _gauge("welltimed_build_info", "Release of this process.", {release(): 1}, "version")
        yield from self._prompts()
        yield from self._phones()
        yield from self._workers()

    def _prompts(self) -> Iterator[Metric]:
        span = next(one for one in self.found.spans if one.hours == SPAN_HOURS)
        states = dict.fromkeys((str(state) for state in State), 0) | span.by_state()
        yield _gauge(
            "welltimed_prompts", "Prompts whose time came in the last 24 hours.", states, "state"
        )
        reasons: dict[str, int] = {}
        for one in span.states:
            if one.reason is not None:
                reasons[one.reason] = reasons.get(one.reason, 0) + one.prompts
        yield _gauge(
            "welltimed_prompts_with_reason", "The same, by what held or ended them.", reasons,
            "reason",
        )  # fmt: skip
        yield from _lateness(span.lateness)
        waiting = self.found.waiting
        yield _single("welltimed_prompts_waiting", "Prompts due and not sent.", waiting.prompts)
        yield _single(
            "welltimed_oldest_waiting_seconds",
            "For how long the oldest of these has been due.",
            _seconds(waiting.since, self.found.at),
        )

    def _phones(self) -> Iterator[Metric]:
        reach = self.found.reach
        yield _single("welltimed_phones", "Phones in use.", reach.phones)
        yield _single(
            "welltimed_dead_tokens", "Phones whose push token is dead.", reach.dead_tokens
        )
        yield _single(
            "welltimed_silent_patients",
            "Patients whose phone gave no sign of life to their last prompts.",
            reach.silent_patients,
        )

    def _workers(self) -> Iterator[Metric]:
        alive = [one for one in self.found.workers if one.alive]
        states = {
            "at_work": sum(one.stalled is None for one in alive),
            "stalled": sum(one.stalled is not None for one in alive),
            "dead": len(self.found.workers) - len(alive),
        }
        yield _gauge("welltimed_workers", "Workers not ended in order.", states, "state")
        yield _single(
            "welltimed_breaker_open",
            "Workers that send nothing as Firebase is in trouble.",
            sum(_is_open(one, self.found.at) for one in alive),
        )
        ticks: dict[str, float] = {}
        for one in alive:
            for name, seconds in one.ticks.items():
                ticks[name] = max(ticks.get(name, 0.0), seconds)
        yield _gauge(
            "welltimed_tick_age_seconds",
            "Since each tick last succeeded, in the living worker where that is longest ago.",
            ticks,
            "tick",
        )


def _lateness(found: Lateness) -> Iterator[Metric]:
    told = "From due to sent, in the last 24 hours."
    buckets = [
        (str(bound), float(n)) for bound, n in zip(LATENESS_BOUNDS, found.buckets, strict=True)
    ]
    yield GaugeHistogramMetricFamily(
        "welltimed_lateness_seconds",
        told,
        buckets=[*buckets, ("+Inf", float(found.prompts))],
        gsum_value=found.total,
    )
    quantiles = {"0.5": found.median, "0.99": found.p99}
    known = {name: value for name, value in quantiles.items() if value is not None}
    yield _gauge("welltimed_lateness_quantile_seconds", told, known, "quantile")


def _is_open(worker: WorkerStatus, at: datetime) -> bool:
    return worker.open_until is not None and worker.open_until > at


def _seconds(since: datetime | None, until: datetime) -> float:
    return 0.0 if since is None else max((until - since).total_seconds(), 0.0)


def _single(name: str, told: str, value: float) -> Metric:
    return GaugeMetricFamily(name, told, value=value)


def _gauge(name: str, told: str, values: dict[str, int] | dict[str, float], label: str) -> Metric:
    family = GaugeMetricFamily(name, told, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], float(value))
    return family
