"""Every stored decision comes out the same when it is worked out again."""

from dataclasses import replace
from datetime import time, timedelta
from uuid import UUID

import pytest
from fakes import Practice, protocol, windowed
from learning_runs import Run, everyday, learner
from sqlalchemy import text

from engine.store import artifacts, learning
from prompting.decide import Policies
from prompting.knowing import Knowledge
from prompting.replaying import replay


def versions(practice: Practice) -> set[str]:
    with practice.db.read() as tx:
        rows = tx.conn.execute(text("SELECT policy_version FROM decisions WHERE arm = 'adaptive'"))
        return set(rows.scalars())


def test_days_with_refits_restarts_and_late_answers_are_replayed_without_a_difference(
    anywhere: Practice,
):
    run = Run(anywhere, persons=8)
    run.declare(run.people[0], wake=time(7), bed=time(23), work_start=time(9), work_end=time(17))
    run.live(3, learn_every=1)
    run.declare(run.people[1], wake=time(10), bed=time(1, 30))
    run.live(3, learn_every=3, restart=True)
    assert run.corrections() > 5
    assert run.learner._known.model.deviation_sd_ > 0.2, "persons differ, so every answer counts"
    found = replay(anywhere.db)
    assert found.differences == []
    assert found.decisions == 8 * 6 * 4
    assert found.older == 0
    named = versions(anywhere)
    assert len({version.partition("+")[0] for version in named}) == 6, "untrained, and five fits"
    assert found.states == len(named) - 1 == 10


def test_a_restart_in_the_middle_of_a_day_leads_to_the_same_state(practice: Practice):
    run = Run(practice)
    run.live(2)
    went_on = run.learner._known
    run.restart()
    again = run.learner._known
    assert went_on.version == again.version
    assert went_on.through > 0
    for name in ("seen", "answered", "offset"):
        mine, theirs = (
            getattr(one.model.ledger_, name)[one.model.ledger_.rows(went_on.model.persons_)]
            for one in (went_on, again)
        )
        assert mine.tobytes() == theirs.tobytes(), name


def test_sums_do_not_depend_on_how_outcomes_are_cut_into_batches(practice: Practice):
    run = Run(practice, persons=3)
    run.live(3, learn_every=5)
    with practice.db.read() as tx:
        artifact = artifacts.promoted(tx, limit=9)[0]
        known = learning.first_outcomes_after(tx, 0)
    assert artifact.learned_through == len(known)
    outcomes = [replace(one, seq=len(known) + n + 1) for n, one in enumerate(known * 20)]
    whole, pieces = Knowledge(artifact), Knowledge(artifact)
    whole.take_in(outcomes)
    for start in range(0, len(outcomes), 7):
        pieces.take_in(outcomes[start : start + 7])
        pieces.take_in(outcomes[: start + 3])
    assert whole.version == pieces.version
    for name in ("seen", "answered", "offset"):
        assert getattr(whole.model.ledger_, name).tobytes() == (
            getattr(pieces.model.ledger_, name).tobytes()
        )


def drawn(practice: Practice) -> UUID:
    """Return an adaptive decision that rests on a model."""
    with practice.db.read() as tx:
        return UUID(
            str(
                tx.conn.execute(
                    text(
                        "SELECT prompt_id FROM decisions WHERE arm = 'adaptive'"
                        " AND policy_version LIKE '%+%' ORDER BY decided_at DESC LIMIT 1"
                    )
                ).scalar_one()
            )
        )


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ("propensities = replace(propensities, '0.00625', '0.00625000001')", "propensities"),
        ("chosen = chosen + 1", "slot"),
        ("prompted = NOT prompted", "prompted"),
        ("arm_probability = 0.0", "arm"),
        ("policy_version = 'gone+1'", "model"),
        ("policy_version = replace(policy_version, '+', '+99')", "model"),
    ],
)
def test_whatever_is_tampered_with_shows(practice: Practice, change: str, part: str):
    run = Run(practice, persons=4, control_share=0.0)
    run.live(2)
    victim = drawn(practice)
    with practice.db.write() as tx:
        tx.conn.execute(
            text(f"UPDATE decisions SET {change} WHERE prompt_id = :id"), {"id": victim.hex}
        )
    parts = {one.part for one in replay(practice.db).differences}
    assert part in parts


def test_an_outcome_that_was_changed_behind_the_record_shows(practice: Practice):
    run = Run(practice, persons=12, control_share=0.0)
    run.live(6)
    assert replay(practice.db).differences == []
    with practice.db.write() as tx:
        tx.conn.execute(text("UPDATE outcomes SET first_y = 1 - first_y"))
    assert "propensities" in {one.part for one in replay(practice.db).differences}


def test_only_decisions_since_the_date_are_replayed(practice: Practice):
    run = Run(practice, persons=2)
    run.live(2)
    since = practice.clock() - timedelta(days=1)
    assert replay(practice.db, since=since).decisions == 2 * 4
    assert replay(practice.db, since=practice.clock()).decisions == 0


def test_several_prompts_of_one_window_are_replayed_too(practice: Practice):
    window = {"from": "08:00", "to": "14:00"}
    several = {"per_window": 3, "gap": "60m", "timing": "uniform"}
    trigger = {"kind": "window", "windows": [window], **several}
    practice.enrol(protocol({"content": "checkin.momentary", "trigger": trigger}))
    practice.enrol(everyday())
    one = learner(practice.db)
    one.refit(now=practice.clock())
    practice.policies = Policies(one.policy())
    practice.live(practice.clock() + timedelta(hours=8))
    found = replay(practice.db)
    assert found.decisions == 3 + 2
    assert found.differences == []


def test_decisions_of_an_older_release_are_told_apart(practice: Practice):
    practice.enrol(protocol(windowed("08:00-12:00")), control_share=0.0)
    one = learner(practice.db)
    one.refit(now=practice.clock())
    practice.policies = Policies(one.policy())
    practice.plan()
    practice.decide()
    with practice.db.write() as tx:
        tx.conn.execute(
            text("""UPDATE decisions SET features = '{"hours": [8.0], "day_type": 0}'""")
        )
    found = replay(practice.db)
    assert (found.older, found.differences) == (1, [])
