"""A practice that learns: days with refits, restarts, late answers and prompts at a bad moment."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import numpy as np
from builders import ANSWERS
from fakes import Person, Practice, fixed, protocol, windowed

from content.library import Library
from engine.commands import answering, declaring
from engine.commands.postponing import not_now
from engine.learning_records import DeclaredHours
from engine.store import Database, learning
from prompting.decide import Policies
from prompting.learning import Learner

LIBRARY = Library.builtin()


def learner(db: Database, **options) -> Learner:
    return Learner(db, **({"epsilon": 0.1, "refit_hour_utc": 3} | options))


def answer(
    practice: Practice,
    person: Person,
    prompt_id: UUID,
    at: datetime,
    received: datetime,
    content: str = "checkin.momentary",
):
    submission = answering.Submission(
        id=uuid4(),
        prompt_id=prompt_id,
        content_id=content,
        content_version=LIBRARY.get(content).version,
        answers=ANSWERS[content],
        opened_at=None,
        answered_at=at,
    )
    answering.submit_response(
        practice.db, person.phones[0], submission, LIBRARY, device_now=received, now=received
    )


def everyday(**options) -> dict[str, object]:
    """Two adaptive windows, one that is drawn at random, and a set time."""
    return protocol(
        windowed("08:00-12:00", "13:00-17:00"),
        windowed("17:00-19:00", timing="uniform", id="evening"),
        fixed("19:30", id="set"),
        **options,
    )


class Run:
    """Lives days with several people; every other one answers early in a window, or else late."""

    def __init__(self, practice: Practice, persons: int = 6, *, control_share: float = 0.2) -> None:
        self.practice, self.rng = practice, np.random.default_rng(5)
        self.people = [
            practice.enrol(everyday(), control_share=control_share) for _ in range(persons)
        ]
        self.learner = learner(practice.db)
        self.late: list[tuple[Person, UUID, datetime]] = []

    def is_lark(self, person: Person) -> bool:
        return self.people.index(person) % 2 == 0

    def restart(self) -> None:
        self.learner = learner(self.practice.db)

    def declare(self, person: Person, **hours) -> None:
        declaring.declare_hours(
            self.practice.db,
            person.patient.id,
            DeclaredHours(**hours),
            by="test",
            now=self.practice.clock(),
        )

    def live(
        self, days: int, *, learn_every: int = 1, restart: bool = False, hours: int = 13
    ) -> None:
        """Live through so many days, of which the first hours count."""
        practice = self.practice
        for day in range(days):
            morning = practice.clock()
            practice.plan()
            for step in range(hours * 2):
                practice.clock.now = morning + timedelta(minutes=30 * step)
                practice.policies = Policies(self.learner.policy())
                practice.decide()
                self._send()
                if step % learn_every == 0:
                    self.learner.update(now=practice.clock())
            if restart and day % 2:
                self.restart()
            practice.clock.now = morning + timedelta(hours=20)
            self._late_answers()
            self.learner.refit_if_due(now=practice.clock())
            practice.clock.now = morning + timedelta(days=1)

    def _send(self) -> None:
        practice = self.practice
        before = len(practice.pusher.pushed)
        practice.tick()
        for push in practice.pusher.pushed[before:]:
            self._react(push.token, push.prompt_id)

    def _react(self, token: str, prompt_id: UUID) -> None:
        now = self.practice.clock()
        person = next(one for one in self.people if one.phones[0].push_token == token)
        early = now.hour in {7, 8, 12, 13}
        luck, likely = self.rng.random(), 0.9 if early == self.is_lark(person) else 0.1
        if luck < likely:
            answer(self.practice, person, prompt_id, now, now)
        elif luck < likely + 0.1:
            self.late.append((person, prompt_id, now + timedelta(minutes=5)))
        elif luck < likely + 0.15:
            not_now(self.practice.db, person.phones[0], prompt_id, "driving", now=now)

    def _late_answers(self) -> None:
        """Let phones that were out of reach tell of answers given in time, after the silence."""
        now = self.practice.clock()
        self.learner.close_outcomes(now=now)
        for person, prompt_id, at in self.late[:-1]:
            answer(self.practice, person, prompt_id, at, now)
        self.late = []

    def corrections(self) -> int:
        """Return how many outcomes are known otherwise now than at first."""
        with self.practice.db.read() as tx:
            first = learning.first_outcomes_after(tx, 0)
            now = {one.seq: one.y for one in learning.outcomes_after(tx, 0)}
        return sum(now.get(one.seq) != one.y for one in first)
