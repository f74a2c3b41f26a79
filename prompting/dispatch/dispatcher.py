"""The steps of one tick: claim and intend, send, record.

A batch is claimed and its intents are committed in one transaction, so before its first byte
leaves each prompt is `sending`, with its intent on record. Killed before that, it is still due;
after it, it ends as unknown when the lease runs out, and is sent again only to a phone that drops
what it has had. So a prompt is shown at most once. While batches are on their way the next one is
made ready. No network call happens inside a transaction, and no transaction waits for another
worker's.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from threading import Event

from engine.clock import Clock
from engine.delivery_records import DuePrompt, Intent, Release
from engine.store import Database, WriteTx, delivery, lapses
from prompting.dispatch.outcomes import result_of
from prompting.dispatch.scene import look
from prompting.fcm.message import Push
from prompting.fcm.outcome import Kind, SendOutcome
from prompting.pusher import UNBOUNDED, Pusher

LEASE = timedelta(seconds=60)
"""Longer than one batch takes to send, shorter than any expiry matters."""
BATCH = 600
AHEAD = 4
"""Batches on their way at once: enough that neither sender nor store waits for the other.

Killed in the middle of a great pile, a worker leaves so many prompts of unknown fate at most.
"""
OVERDUE = timedelta(minutes=5)
"""Later than this a prompt counts as overdue; of those a patient gets one, not a pile."""


_Recorded = Callable[[], None]
"""Returns when a batch is on record."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What one tick did."""

    accepted: int = 0
    other: int = 0
    ended: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """Everything one tick needs, passed in and never looked up.

    While `draining` is set nothing new is claimed; what is on its way is still recorded.
    """

    db: Database
    pusher: Pusher
    clock: Clock
    owner: str
    batch: int = BATCH
    ahead: int = AHEAD
    lease: timedelta = LEASE
    draining: Event = field(default_factory=Event)

    def tick(self) -> Sent:
        """Handle everything due now, in batches; return what was done."""
        with self.db.write() as tx:
            lapses.reap(tx, now=self.clock())
            ended = lapses.expire(tx, now=self.clock())
            ended += lapses.overtake(tx, now=self.clock(), overdue=OVERDUE)
        kinds: Counter[Kind] = Counter()
        self._send_all(kinds)
        accepted = kinds[Kind.ACCEPTED]
        return Sent(accepted, kinds.total() - accepted, ended)

    def _send_all(self, kinds: Counter[Kind]) -> None:
        """Send what is due until nothing is left, counting the outcomes."""
        under_way: deque[_Recorded] = deque()
        with self._recording(kinds) as record, ExitStack() as leaving:
            leaving.callback(_all, under_way)
            while not self.draining.is_set():
                # If Firebase may be in trouble, what is on its way says how to go on.
                troubled = self.pusher.room() < UNBOUNDED
                if under_way and (troubled or len(under_way) == self.ahead):
                    under_way.popleft()()
                    continue
                following = self._begin()
                if following is not None:
                    under_way.append(record(following))
                elif under_way:
                    # What is recorded now may leave something to be tried again at once.
                    under_way.popleft()()
                else:
                    return

    @contextmanager
    def _recording(self, kinds: Counter[Kind]) -> "Iterator[Callable[[_Batch], _Recorded]]":
        """Yield what has a batch recorded once its outcomes are known.

        PostgreSQL takes what became of one batch while it gives out the next. SQLite does one
        thing at a time, so there it is done when it is waited for.
        """
        if self.db.is_sqlite:
            yield lambda batch: partial(self._end, batch, kinds)
            return
        with ThreadPoolExecutor(1, "record") as thread:
            yield lambda batch: thread.submit(self._end, batch, kinds).result

    def _begin(self) -> "_Batch | None":
        """Claim a batch, commit to sending what may leave, begin to send; None if there is none."""
        room = self.pusher.room()
        if room < 1:
            return None  # Firebase is in trouble: what is due stays due
        probing = room < UNBOUNDED
        with self.db.write() as tx:
            now = self.clock()  # whoever waited for its turn must not go by an old clock
            due = delivery.claim(tx, now=now, limit=min(self.batch, room), probing=probing)
            if not due:
                return None
            intents = _sort(tx, due, now)
            delivery.add_intents(tx, intents, self.owner, now=now, lease=self.lease)
        pushes = [Push(i.push_id, i.push_token, i.expires_at, i.repeat) for i in intents]
        return _Batch(intents, self.pusher.submit(pushes, now=self.clock()))

    def _end(self, batch: "_Batch", kinds: Counter[Kind]) -> None:
        """Wait for the outcomes of a batch, record and count them."""
        outcomes = batch.outcomes.result()
        now = self.clock()
        results = [
            result_of(intent, outcome, now=now)
            for intent, outcome in zip(batch.intents, outcomes, strict=True)
        ]
        with self.db.write() as tx:
            delivery.record(tx, results, now=now)
        kinds.update(outcome.kind for outcome in outcomes)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Intents that are on their way, and what will be known of each."""

    intents: list[Intent]
    outcomes: Future[list[SendOutcome]]


def _all(recorded: "deque[_Recorded]") -> None:
    """Wait for all of them, even if one fails."""
    with ExitStack() as stack:
        for one in reversed(recorded):
            stack.callback(one)


def _sort(tx: WriteTx, due: Sequence[DuePrompt], now: datetime) -> list[Intent]:
    """Return an intent for each prompt that may leave; give the others back with a reason."""
    scene = look(tx, due, now)
    verdicts = [scene.judge(prompt, now) for prompt in due]
    releases = [verdict for verdict in verdicts if isinstance(verdict, Release)]
    delivery.release(tx, releases, now=now)
    return [verdict for verdict in verdicts if isinstance(verdict, Intent)]
