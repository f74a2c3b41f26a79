"""Mistakes planted in the product on purpose: the simulation must find each of them.

Each test lives through one small simulation after the other until the mistake shows, and says in
its name which promise breaks. A mistake that stays unseen fails the test.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import pytest
from simulated_database import SteppedDatabase
from simulated_fcm import SimulatedPusher
from simulated_time import Temper
from simulated_verdicts import verdict
from simulated_world import Setting, live

from engine.delivery_records import AttemptResult
from engine.prompt import State
from engine.store import WriteTx, delivery
from prompting.dispatch import scene
from prompting.fcm.message import Push

Mistake = Callable[[SteppedDatabase, SimulatedPusher], None]
ROUGH = Setting(persons=25, days=1, temper=Temper(0.15, 0.05, 0.02), storms_a_day=6)
MOST = 12
"""How many simulations a mistake may stay unseen."""


def broken_promises(setting: Setting) -> Iterator[tuple[int, str]]:
    """Yield each broken promise with the patient-days lived through until it was seen."""
    for seed in range(1, 1 + MOST):
        for text in verdict(live(seed, setting)):
            yield seed * setting.persons * setting.days, text


def caught(setting: Setting, promise: str) -> int:
    """Return after how many patient-days a promise was seen to be broken."""
    for patient_days, text in broken_promises(setting):
        if text.startswith(promise):
            return patient_days
    pytest.fail(f"{promise!r} was never seen to be broken")


def test_a_reaper_that_takes_a_lapsed_sending_for_unsent_is_caught():
    def forget(tx: WriteTx, now: datetime) -> None:
        lapsed = "state = 'sending' AND lease_until <= ?"
        at = now.replace(tzinfo=None).isoformat(sep=" ")
        tx.conn.exec_driver_sql(
            "UPDATE attempts SET outcome = 'not_sent', finished_at = ? WHERE outcome IS NULL"
            f" AND prompt_id IN (SELECT id FROM prompts WHERE {lapsed})",
            (at, at),
        )
        tx.conn.exec_driver_sql(
            f"UPDATE prompts SET state = 'retry', owner = NULL WHERE {lapsed}", (at,)
        )

    def mistake(db: SteppedDatabase, _pusher: SimulatedPusher) -> None:
        db.at_begin = forget

    caught(
        replace(ROUGH, strict_share=1.0, mistake=mistake),
        "strict phones never get two that may arrive",
    )


def test_a_worker_that_does_not_look_at_the_clock_again_before_it_sends_is_caught():
    def mistake(db: SteppedDatabase, pusher: SimulatedPusher) -> None:
        send = pusher.submit

        def submit(pushes: Sequence[Push], *, now: datetime) -> object:
            looked = [db.promises[push.prompt_id, push.repeat].intended_at for push in pushes]
            return send(pushes, now=min([*looked, now]))

        pusher.submit = submit

    standing_still = replace(ROUGH, temper=Temper(0.1, 0.15, 0.0), mistake=mistake)
    caught(standing_still, "no send starts after expiry")


def test_a_late_success_that_is_ignored_is_caught(monkeypatch: pytest.MonkeyPatch):
    record = delivery.record

    def only_in_time(tx: WriteTx, results: Sequence[AttemptResult], *, now: datetime) -> None:
        standing = {
            (UUID(row[0]), row[1])
            for row in tx.conn.exec_driver_sql(
                "SELECT id, epoch FROM prompts WHERE state = 'sending'"
            )
        }
        record(
            tx,
            [
                one
                for one in results
                if one.state != State.ACCEPTED
                or (one.intent.prompt_id, one.intent.epoch) in standing
            ],
            now=now,
        )

    monkeypatch.setattr(delivery, "record", only_in_time)
    caught(ROUGH, "what fcm accepted is accepted")


def test_quiet_hours_that_are_not_looked_at_again_are_caught(monkeypatch: pytest.MonkeyPatch):
    may_send = scene.may_send
    monkeypatch.setattr(
        scene, "may_send", lambda now, *, quiet, **others: may_send(now, quiet=(), **others)
    )
    caught(ROUGH, "none in quiet hours")


def test_reminders_that_do_not_ask_for_the_answer_are_caught(monkeypatch: pytest.MonkeyPatch):
    def forget(tx: WriteTx, _now: datetime) -> None:
        tx.conn.exec_driver_sql(
            "UPDATE prompts SET state = 'planned', closed_at = NULL"
            " WHERE reason = 'its prompt was answered' AND attempts = 0 AND state = 'cancelled'"
        )

    def mistake(db: SteppedDatabase, _pusher: SimulatedPusher) -> None:
        db.at_begin = forget

    monkeypatch.setattr(scene.Scene, "_kept_by_parent", lambda _self, _prompt, _now: None)
    caught(replace(ROUGH, mistake=mistake), "no reminder after the answer")
