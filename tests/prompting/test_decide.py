"""The draw: lawful, committed once, the same whatever it is drawn together with."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

import numpy as np
import pytest
from builders import stored_window as window
from fakes import MONDAY, NINE, Practice, fixed, protocol, windowed
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.commands.scheduling import plan_welcome
from engine.planning import draw
from engine.prompt import State
from engine.records import StoredWindow
from engine.store import delivery, windows
from models.objective import Heads
from models.receptivity import Receptivity
from prompting.decide import Policies, draw_slots
from prompting.policies import ADAPTIVE, FIXED, UNIFORM, AdaptivePolicy, UniformPolicy

EPSILON = 0.1


def trained(persons: int = 6) -> Receptivity:
    """Return a model of people who answer in the morning only."""
    rng = np.random.default_rng(3)
    hours = rng.uniform(8, 20, 1_200)
    answered = (rng.random(1_200) < np.where(hours < 11, 0.9, 0.2)).astype(int)
    person = np.array([str(UUID(int=n % persons)) for n in range(1_200)])
    kinds = np.zeros(1_200)
    return Receptivity().fit(
        np.column_stack([hours, kinds]), answered, person=person, day=np.arange(1_200) // 12
    )


@pytest.fixture(scope="module")
def adaptive() -> Policies:
    return Policies(AdaptivePolicy(Heads(trained()), "test+1", EPSILON))


@st.composite
def batches(data: st.DrawFn) -> tuple[list[StoredWindow], list[list[bool]]]:
    count = data(st.integers(1, 6))
    batch = [
        window(
            data(st.integers(0, 10_000)),
            slots=data(st.integers(1, 24)),
            control_share=data(st.sampled_from([0.0, 0.2, 1.0])),
            timing=data(st.sampled_from([ADAPTIVE, UNIFORM, FIXED])),
        )
        for _ in range(count)
    ]
    masks = []
    for one in batch:
        mask = data(st.lists(st.booleans(), min_size=len(one.slots), max_size=len(one.slots)))
        mask[data(st.integers(0, len(mask) - 1))] = True
        masks.append(mask)
    return batch, masks


@settings(max_examples=60, deadline=None)
@given(batches())
def test_every_draw_is_lawful_and_can_be_drawn_again(adaptive: Policies, given_batch):
    batch, masks = given_batch
    for decision, one, mask in zip(
        draw_slots(batch, masks, adaptive, now=NINE), batch, masks, strict=True
    ):
        assert sum(decision.propensities) == pytest.approx(1)
        assert all((p > 0) == may for p, may in zip(decision.propensities, mask, strict=True))
        assert mask[decision.chosen]
        assert decision.chosen == draw(
            decision.seed, decision.prompt_id, "slot", decision.propensities
        )
        if decision.arm == ADAPTIVE:
            floor = EPSILON / sum(mask)
            assert min(p for p in decision.propensities if p) >= floor - 1e-12
            assert one.timing == ADAPTIVE
        else:
            assert len({round(p, 12) for p in decision.propensities if p}) == 1


@settings(max_examples=30, deadline=None)
@given(batches(), st.randoms(use_true_random=False))
def test_a_draw_does_not_depend_on_what_it_is_drawn_together_with(
    adaptive: Policies, given_batch, random
):
    batch, masks = given_batch
    together = draw_slots(batch, masks, adaptive, now=NINE)
    order = list(range(len(batch)))
    random.shuffle(order)
    shuffled = draw_slots([batch[n] for n in order], [masks[n] for n in order], adaptive, now=NINE)
    for place, n in enumerate(order):
        alone = draw_slots([batch[n]], [masks[n]], adaptive, now=NINE)[0]
        for other in (alone, shuffled[place]):
            assert other.propensities == pytest.approx(together[n].propensities, abs=1e-12)
            assert replace(other, propensities=()) == replace(together[n], propensities=())


def test_the_learned_policy_prefers_the_hours_it_learned(adaptive: Policies):
    decisions = draw_slots(
        [window(n, slots=24, control_share=0) for n in range(400)],
        [[True] * 24] * 400,
        adaptive,
        now=NINE,
    )
    early = np.mean([d.features["hours"][d.chosen] < 11 for d in decisions])
    assert early > 0.85
    assert all(d.policy_version == "test+1" for d in decisions)


def test_the_control_share_is_what_was_asked_for(adaptive: Policies):
    decisions = draw_slots(
        [window(n) for n in range(3_000)], [[True] * 12] * 3_000, adaptive, now=NINE
    )
    share = np.mean([decision.arm == UNIFORM for decision in decisions])
    assert share == pytest.approx(0.2, abs=4 * (0.2 * 0.8 / 3_000) ** 0.5)
    assert {(d.arm, d.arm_probability) for d in decisions} == {(UNIFORM, 0.2), (ADAPTIVE, 0.8)}


def test_a_stored_decision_says_all_that_is_needed_to_draw_it_again(practice: Practice):
    practice.policies = Policies(AdaptivePolicy(Heads(trained()), "test+1", EPSILON))
    people = [practice.enrol(protocol(windowed("08:00-12:00", "12:00-16:00"))) for _ in range(10)]
    for person in people:
        practice.clock.now = MONDAY
        for prompt in practice.draw_day(person)[:2]:
            stored = practice.decision(person, prompt.id)
            assert stored.chosen == draw(stored.seed, prompt.id, "slot", stored.propensities)
            arms = {UNIFORM: 0, ADAPTIVE: 1}
            assert arms[stored.arm] == draw(stored.seed, prompt.id, "arm", [0.2, 0.8])
            assert stored.slots[stored.chosen] == prompt.due_at
            assert prompt.propensity == stored.propensities[stored.chosen]
            assert prompt.expires_at == prompt.due_at + timedelta(hours=1)


def test_a_window_is_drawn_once_whatever_the_policy_says_later(anywhere: Practice):
    person = anywhere.enrol(protocol(windowed("08:00-12:00")))
    anywhere.plan()
    assert anywhere.decide() == 1
    before = anywhere.prompts(person)[0], anywhere.decision(person, anywhere.prompts(person)[0].id)
    anywhere.policies = Policies(AdaptivePolicy(Heads(trained()), "other", EPSILON))
    anywhere.clock.forward(minutes=1)
    assert anywhere.decide() == 0
    after = anywhere.prompts(person)[0], anywhere.decision(person, anywhere.prompts(person)[0].id)
    assert after == before


def test_representative_assignments_are_never_adapted(practice: Practice):
    practice.policies = Policies(AdaptivePolicy(Heads(trained()), "test+1", EPSILON))
    people = [
        practice.enrol(
            protocol(windowed("08:00-12:00", timing="uniform", sampling="representative")),
            control_share=0,
        )
        for _ in range(10)
    ]
    practice.plan()
    practice.decide()
    for person in people:
        stored = practice.decision(person, practice.prompts(person)[0].id)
        assert (stored.arm, stored.arm_probability, stored.policy) == (UNIFORM, 1.0, UNIFORM)
        assert set(stored.propensities) == {1 / len(stored.slots)}


def test_a_window_already_open_when_the_worker_comes_back_uses_the_slots_left(
    anywhere: Practice,
):
    person = anywhere.enrol(protocol(windowed("08:00-12:00")))
    anywhere.plan()
    anywhere.clock.now = MONDAY + timedelta(hours=2, minutes=7)
    anywhere.decide()
    stored = anywhere.decision(person, anywhere.prompts(person)[0].id)
    left = [slot >= anywhere.clock.now for slot in stored.slots]
    assert list(stored.available) == left
    assert sum(left) == 7


def test_a_window_that_is_over_when_the_worker_comes_back_expires(anywhere: Practice):
    person = anywhere.enrol(protocol(windowed("08:00-12:00")))
    anywhere.plan()
    anywhere.clock.forward(hours=4)
    assert anywhere.decide() == 0
    found = anywhere.prompts(person)[0]
    assert (found.state, found.due_at) == (State.EXPIRED, None)


def test_slots_too_near_to_another_prompt_are_not_available(anywhere: Practice):
    person = anywhere.enrol(
        protocol(windowed("08:00-12:00"), fixed("10:00", id="b"), min_gap="45m")
    )
    anywhere.plan()
    anywhere.decide()
    (adaptive_one,) = [p for p in anywhere.prompts(person) if p.arm]
    stored = anywhere.decision(person, adaptive_one.id)
    ten = MONDAY + timedelta(hours=2)
    expected = [abs(slot - ten) >= timedelta(minutes=45) for slot in stored.slots]
    assert list(stored.available) == expected
    assert not all(expected)


def test_a_prompt_already_sent_keeps_later_slots_away(practice: Practice):
    person = practice.enrol(
        protocol(windowed("08:00-09:00", id="a"), windowed("09:00-12:00", id="b"), min_gap="1h")
    )
    practice.live(MONDAY + timedelta(hours=5))
    first, second = practice.prompts(person, MONDAY.date())
    assert second.sent_at - first.sent_at >= timedelta(hours=1)


def test_two_assignments_of_one_patient_drawn_at_once_keep_their_gap(anywhere: Practice):
    doc = protocol(*(windowed("08:00-12:00", id=f"a{n}") for n in range(4)), min_gap="45m")
    people = [anywhere.enrol(doc) for _ in range(12)]
    anywhere.plan()
    anywhere.decide()
    for person in people:
        drawn = sorted(p.due_at for p in anywhere.prompts(person, MONDAY.date()) if p.expires_at)
        assert len(drawn) >= 3
        assert all(b - a >= timedelta(minutes=45) for a, b in pairwise(drawn))


def test_a_window_with_no_slot_left_by_the_gap_is_cancelled_with_the_reason(anywhere: Practice):
    person = anywhere.enrol(
        protocol(fixed("10:00", id="a"), windowed("08:15-09:15", id="b"), min_gap="1h")
    )
    anywhere.plan()
    anywhere.clock.now = MONDAY + timedelta(minutes=14)
    with anywhere.db.write() as tx:  # a new phone proves itself just before
        plan_welcome(tx, person.patient.id, now=anywhere.clock())
    anywhere.clock.forward(minutes=1)
    anywhere.decide()
    lost = next(p for p in anywhere.prompts(person) if p.assignment == "b")
    assert lost.state == State.CANCELLED
    assert lost.reason == "no slot keeps the minimum gap to other prompts"


@pytest.mark.parametrize(("late", "sent"), [(20, True), (59, True), (60, False)])
def test_a_set_time_missed_by_the_worker_still_goes_until_it_expires(
    anywhere: Practice, late: int, sent: bool
):
    person = anywhere.enrol(protocol(fixed("09:00")))
    anywhere.plan()
    anywhere.clock.now = NINE + timedelta(minutes=late)
    anywhere.decide()
    anywhere.tick()
    found = anywhere.prompts(person)[0]
    assert (found.state == State.ACCEPTED) == sent
    assert found.state in (State.ACCEPTED, State.EXPIRED)


def test_a_failure_half_way_leaves_no_window_half_drawn(anywhere: Practice):
    class Broken(UniformPolicy):
        def propensities(self, batch):
            raise RuntimeError

    people = [anywhere.enrol(protocol(windowed("08:00-12:00")), control_share=0) for _ in range(3)]
    anywhere.plan()
    anywhere.policies = Policies(Broken())
    with pytest.raises(RuntimeError):
        anywhere.decide()
    for person in people:
        with anywhere.db.read() as tx:
            stored = windows.windows_from(tx, person.enrolment.id, MONDAY.date())
        assert all(w.decided_at is None for w in stored)
    with anywhere.db.write() as tx:
        assert delivery.claim(tx, now=NINE, limit=9) == []
