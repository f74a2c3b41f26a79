"""What patients do besides answering, on the real server: later, not now, start, report, times."""

from datetime import timedelta
from typing import Any

import pytest
from own_times import Ward
from patient_steps import layout_faults, look_again, said, until
from playwright.sync_api import expect

from engine.commands import patient_rules
from engine.store import people

pytestmark = pytest.mark.browser


def rules_of(course: Ward) -> dict[str, Any]:
    rules, _ = patient_rules.rules_for(course.clinic.db, course.patient.id)
    return rules.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)


def set_rules(course: Ward, document: dict[str, Any]) -> None:
    _, version = patient_rules.rules_for(course.clinic.db, course.patient.id)
    patient_rules.set_rules(
        course.clinic.db,
        course.patient.id,
        document,
        by="Therapist One",
        expected_version=version,
        now=course.clinic.clock(),
    )


def test_a_prompt_put_off_says_when_it_comes_back_and_does(course: Ward, phones: Any) -> None:
    page, before = phones(), course.welcome()
    page.get_by_role("button", name="Later").click()
    page.get_by_role("button", name="15 min").click()
    expect(page.get_by_role("heading", name="Comes back at 16:25")).to_be_visible()
    until(lambda: course.welcome().expires_at != before.expires_at, page)
    assert course.welcome().expires_at == course.clinic.clock() + timedelta(minutes=75)
    page.reload()
    expect(page.get_by_role("heading", name="Comes back at 16:25")).to_be_visible()
    expect(page.get_by_role("button", name="Later")).to_have_count(0)
    course.pass_time(minutes=15)
    page.clock.set_system_time(course.clinic.clock() + timedelta(seconds=1))
    look_again(page)
    expect(page.get_by_role("heading", name="Back again, about 1 min")).to_be_visible()
    expect(said(page, "Open until 17:25")).to_be_visible()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="Check-in")).to_be_visible()


def test_what_is_put_off_comes_back_by_itself_without_a_network(course: Ward, phones: Any) -> None:
    page = phones()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.clock.install(time=course.clinic.clock())
    page.reload()
    page.context.set_offline(True)
    page.get_by_role("button", name="Later").click()
    page.get_by_role("button", name="30 min").click()
    expect(page.get_by_role("heading", name="Comes back at 16:40")).to_be_visible()
    page.clock.fast_forward("30:01")
    expect(page.get_by_role("heading", name="Back again")).to_be_visible()


def test_what_was_chosen_offline_is_sent_when_there_is_a_connection_again(
    course: Ward, phones: Any
) -> None:
    page, before = phones(), course.welcome()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    expect(page.get_by_role("heading", name="Tell that it happened")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("button", name="Later").click()
    page.get_by_role("button", name="60 min").click()
    expect(said(page, "What you chose is saved on this phone")).to_be_visible()
    page.get_by_role("button", name="Smoked").click()
    page.get_by_role("button", name="Yes, just now").click()
    expect(said(page, "Noted at 16:10")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Comes back at 17:10")).to_be_visible()
    expect(said(page, "Noted at 16:10")).to_be_visible()
    assert course.welcome().expires_at == before.expires_at
    page.context.set_offline(False)
    until(lambda: course.welcome().expires_at != before.expires_at, page)
    until(lambda: any(one.assignment == "after-smoking" for one in course.records()), page)
    expect(said(page, "What you chose is saved on this phone")).to_have_count(0)
    for _ in range(2):
        look_again(page)
    page.reload()
    expect(page.get_by_role("heading", name="Comes back at 17:10")).to_be_visible()
    assert sum(one.assignment == "after-smoking" for one in course.records()) == 1


def test_a_reason_why_not_now_takes_the_prompt_away_and_reaches_the_clinic(
    course: Ward, phones: Any
) -> None:
    page = phones()
    page.get_by_role("button", name="Not now").click()
    expect(page.get_by_role("button", name="Driving")).to_be_focused()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("button", name="Not now")).to_be_focused()
    page.get_by_role("button", name="Not now").click()
    page.get_by_role("button", name="At work").click()
    expect(said(page, "Nothing to do now")).to_be_visible()
    until(lambda: course.welcome().unavailable == "work", page)
    page.reload()
    expect(said(page, "Nothing to do now")).to_be_visible()


def test_a_wait_into_quiet_hours_is_refused_with_the_reason(course: Ward, phones: Any) -> None:
    page = phones()
    expect(page.get_by_role("button", name="Later")).to_be_visible()
    set_rules(course, {"quiet_hours": [{"from": "16:20", "to": "18:00"}]})
    page.get_by_role("button", name="Later").click()
    page.get_by_role("button", name="15 min").click()
    expect(said(page, "This cannot wait so long: 16:25 is in quiet hours")).to_be_visible()
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()


def test_after_three_times_a_prompt_cannot_be_put_off_again(course: Ward, phones: Any) -> None:
    page = phones()
    # Another prompt may come meanwhile; this is about the one that is put off.
    card = page.locator("[data-prompt]").filter(has=page.get_by_role("button", name="Later"))
    prompt = card.first.get_attribute("data-prompt")
    card = page.locator(f"[data-prompt='{prompt}']")
    for time in ("16:25", "16:40", "16:55"):
        card.get_by_role("button", name="Later").click()
        card.get_by_role("button", name="15 min").click()
        expect(card.get_by_role("heading", name=f"Comes back at {time}")).to_be_visible()
        until(
            lambda: page.evaluate("Object.keys(localStorage).join()").count(".action.") == 0, page
        )
        course.pass_time(minutes=15)
        page.clock.set_system_time(course.clinic.clock() + timedelta(seconds=1))
        look_again(page)
        expect(card.get_by_role("heading", name="Back again")).to_be_visible()
    expect(card.get_by_role("button", name="Later")).to_have_count(0)
    expect(card.get_by_role("button", name="Not now")).to_be_visible()


def test_something_is_started_by_hand_as_often_as_the_plan_has_it(
    course: Ward, phones: Any
) -> None:
    page = phones()
    expect(said(page, "2 more today")).to_be_visible()
    page.get_by_role("button", name="Thought record").click()
    expect(page.get_by_role("heading", level=1, name="Thought record")).to_be_visible()
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_role("heading", name="You started this, about 5 min")).to_be_visible()
    expect(said(page, "1 more today")).to_be_visible()
    page.get_by_role("button", name="Thought record").click()
    expect(page.get_by_role("heading", level=1, name="Thought record")).to_be_visible()
    started = [one for one in course.records() if one.assignment == "whenever"]
    assert len(started) == 1, "what is open is not opened twice"


def test_starting_without_a_connection_says_what_is_missing(course: Ward, phones: Any) -> None:
    page = phones()
    expect(said(page, "2 more today")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("button", name="Thought record").click()
    expect(said(page, "Starting needs a connection.")).to_be_visible()
    page.context.set_offline(False)
    page.get_by_role("button", name="Thought record").click()
    expect(page.get_by_role("heading", level=1, name="Thought record")).to_be_visible()


def test_own_times_reach_the_clinic_and_the_plan(course: Ward, phones: Any) -> None:
    set_rules(course, {"without": ["nudge"]})
    page = phones()
    page.get_by_role("button", name="Set my times").click()
    expect(page.get_by_role("heading", level=1, name="My times")).to_be_visible()
    expect(said(page, "Today:")).to_be_visible()
    page.get_by_role("button", name="Add quiet hours").click()
    expect(page.get_by_label("From")).to_be_focused()
    page.get_by_label("From").fill("13:00")
    page.get_by_role("button", name="Save my times").click()
    expect(said(page, "Quiet hours need both times.")).to_be_visible()
    page.get_by_label("Until").fill("23:30")
    page.get_by_role("button", name="Add a pause").click()
    page.get_by_label("From").last.fill("2026-11-21")
    page.get_by_label("Until").last.fill("2026-11-23")
    page.get_by_label("Prompts a day").select_option("2")
    page.get_by_role("button", name="Save my times").click()
    expect(said(page, "This is how it is set now.")).to_be_visible()
    expect(said(page, "None.")).to_be_visible()
    assert rules_of(course) == {
        "quiet_hours": [{"from": "13:00", "to": "23:30"}],
        "pauses": [{"from": "2026-11-21", "to": "2026-11-23"}],
        "per_day": 2,
        "without": ["nudge"],
    }
    page.get_by_role("button", name="Remove this pause").click()
    page.get_by_role("button", name="Save my times").click()
    until(lambda: "pauses" not in rules_of(course), page)
    page.reload()
    expect(page.get_by_label("Until")).to_have_value("23:30")


def test_own_times_set_offline_are_sent_later(course: Ward, phones: Any) -> None:
    page = phones()
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.get_by_role("button", name="Set my times").click()
    expect(said(page, "Nothing is set yet.")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_label("Prompts a day").select_option("3")
    page.get_by_role("button", name="Save my times").click()
    expect(said(page, "Saved on this phone")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Prompts a day")).to_have_value("3")
    assert rules_of(course) == {}
    page.context.set_offline(False)
    until(lambda: rules_of(course) == {"per_day": 3}, page)
    expect(said(page, "This is how it is set now.")).to_be_visible()


def test_times_that_were_changed_elsewhere_are_not_overwritten_unseen(
    course: Ward, phones: Any
) -> None:
    page = phones()
    page.get_by_role("button", name="Set my times").click()
    expect(said(page, "Nothing is set yet.")).to_be_visible()
    set_rules(course, {"per_day": 5})
    page.get_by_label("Prompts a day").select_option("2")
    page.get_by_role("button", name="Save my times").click()
    expect(said(page, "were changed elsewhere in the meantime")).to_be_visible()
    expect(page.get_by_label("Prompts a day")).to_have_value("2")
    assert rules_of(course) == {"per_day": 5}
    page.get_by_role("button", name="Save my times").click()
    until(lambda: rules_of(course) == {"per_day": 2}, page)
    expect(said(page, "were changed elsewhere")).to_have_count(0)


def test_times_the_server_cannot_take_are_told_at_their_place(course: Ward, phones: Any) -> None:
    page = phones()
    page.get_by_role("button", name="Set my times").click()
    page.get_by_role("button", name="Add quiet hours").click()
    page.get_by_label("From").fill("13:00")
    page.get_by_label("Until").fill("13:00")
    page.get_by_role("button", name="Save my times").click()
    expect(page.get_by_role("alert")).to_contain_text("must not begin and end at the same time")
    page.get_by_label("Until").fill("14:00")
    page.get_by_role("button", name="Add a pause").click()
    page.get_by_label("From").last.fill("3000-01-01")
    page.get_by_role("button", name="Save my times").click()
    expect(page.get_by_role("alert")).to_contain_text("Pause 1: ")
    expect(page.get_by_label("From").last).to_have_value("3000-01-01")
    assert rules_of(course) == {}


def test_a_phone_in_another_zone_takes_the_patients_times_along(course: Ward, phones: Any) -> None:
    page = phones(timezone_id="America/New_York")

    def zone() -> str:
        with course.clinic.db.read() as tx:
            return people.zones_of(tx, [course.patient.id])[course.patient.id]

    until(lambda: zone() == "America/New_York", page)


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_window_and_targets_stay_large(
    course: Ward, phones: Any, width: int
) -> None:
    page = phones(viewport={"width": width, "height": 800}, color_scheme="dark")
    expect(page.get_by_role("heading", name="Start something")).to_be_visible()
    faults = layout_faults(page)
    for name in ("Later", "Not now"):
        page.get_by_role("button", name=name).click()
        faults += layout_faults(page)
        page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Smoked").click()
    faults += layout_faults(page)
    page.get_by_role("button", name="Set my times").click()
    page.get_by_role("button", name="Add quiet hours").click()
    page.get_by_role("button", name="Add a pause").click()
    page.get_by_role("button", name="Save my times").click()
    faults += layout_faults(page)
    assert faults == []
