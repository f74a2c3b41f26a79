"""The five regular jobs over one database, bound together once and run by any clock."""

import os
import socket
from dataclasses import dataclass
from uuid import uuid4

from engine.clock import Clock
from engine.commands.following import notice_missed
from engine.commands.scheduling import plan_horizon
from engine.settings import Settings
from engine.store import Database
from prompting.decide import Policies, decide
from prompting.dispatch import Dispatcher, Sent
from prompting.learning import Learner
from prompting.pusher import Pusher


@dataclass(frozen=True, slots=True)
class Ticks:
    """Plan, decide, dispatch, learn, refit. Each may run at any time and any number of times."""

    db: Database
    clock: Clock
    dispatcher: Dispatcher
    learner: Learner

    def plan(self) -> int:
        """Plan the coming days of every enrolment; return how many windows are new."""
        return plan_horizon(self.db, now=self.clock())

    def decide(self) -> int:
        """Draw the slots of windows about to open; return how many.

        Before that, prompts that ran out unanswered are taken in, and what follows them planned.
        """
        notice_missed(self.db, now=self.clock())
        policies = Policies(adaptive=self.learner.policy())
        return decide(self.db, policies, now=self.clock())

    def dispatch(self) -> Sent:
        """Send what is due; return what was done."""
        return self.dispatcher.tick()

    def learn(self) -> int:
        """Take new answers and silences into the model; return how many."""
        return self.learner.update(now=self.clock())

    def refit(self) -> bool:
        """Fit the model anew when its hour has come; return whether it was."""
        return self.learner.refit_if_due(now=self.clock())


def build_ticks(settings: Settings, db: Database, pusher: Pusher, clock: Clock) -> Ticks:
    """Return the jobs of one worker."""
    owner = f"{socket.gethostname()[:30]}-{os.getpid()}-{uuid4().hex[:8]}"
    return Ticks(
        db=db,
        clock=clock,
        dispatcher=Dispatcher(db=db, pusher=pusher, clock=clock, owner=owner),
        learner=Learner(
            db,
            epsilon=settings.epsilon,
            refit_hour_utc=settings.refit_hour_utc,
            policy=settings.policy,
        ),
    )
