"""Learning on the patient's phone: the usual day, "Why now?", and "good moment?", really driven."""

import re
from collections.abc import Iterator
from datetime import time
from typing import Any

import pytest
from own_times import BLENDED, Ward
from patient_steps import enrol, layout_faults, look_again, note_of, said, send, until
from playwright.sync_api import Browser, Page, expect
from stub import Clinic

from content.item import ContentItem
from content.library import Library
from engine.commands import declaring, enrolling, marking, scheduling
from engine.learning_records import DeclaredHours, MarkCounts

pytestmark = pytest.mark.browser

LONG_DAY = DeclaredHours(wake=time(6, 30), bed=time(23), work_start=time(9), work_end=time(17))


@pytest.fixture
def fresh(browser: Browser, course: Ward, faults: list[str]) -> Iterator[Page]:
    """A phone that is not connected yet."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    page = context.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.clock.set_system_time(course.clinic.clock())
    page.goto(f"{course.address}/app/")
    yield page
    context.close()


def connect(page: Page, course: Ward) -> None:
    code, _ = enrolling.issue_code(
        course.clinic.db, course.patient.id, by=None, now=course.clinic.clock()
    )
    page.get_by_label("Your code").fill(code)
    page.get_by_role("button", name="Connect").click()


def declared(course: Ward) -> DeclaredHours | None:
    found = declaring.declared_version(course.clinic.db, course.patient.id)
    return found.hours if found else None


def declare(course: Ward, hours: DeclaredHours) -> None:
    declaring.declare_hours(
        course.clinic.db, course.patient.id, hours, by="Therapist One", now=course.clinic.clock()
    )


def fill(page: Page, **hours: str) -> None:
    words = {"wake": "I get up at", "bed": "I go to bed at", "start": "Work begins at",
             "end": "Work ends at"}  # fmt: skip
    for name, at in hours.items():
        page.get_by_label(words[name]).fill(at)


def test_connecting_asks_for_the_usual_day_once(course: Ward, fresh: Page) -> None:
    connect(fresh, course)
    expect(fresh.get_by_role("heading", level=1, name="Your usual day")).to_be_visible()
    assert layout_faults(fresh) == []
    fill(fresh, wake="06:30", bed="23:00", start="09:00", end="17:00")
    fresh.get_by_role("button", name="Save and go on").click()
    expect(fresh.get_by_role("heading", name="Today")).to_be_visible()
    until(lambda: declared(course) == LONG_DAY, fresh)
    fresh.reload()
    expect(fresh.get_by_role("heading", name="Today")).to_be_visible()


def test_the_step_may_be_skipped_and_is_not_shown_where_hours_are_known(
    course: Ward, fresh: Page
) -> None:
    connect(fresh, course)
    fresh.get_by_role("button", name="Skip this").click()
    expect(fresh.get_by_role("heading", name="Today")).to_be_visible()
    assert declared(course) is None
    declare(course, LONG_DAY)
    fresh.evaluate("localStorage.clear()")
    fresh.goto(f"{course.address}/app/")
    connect(fresh, course)
    expect(fresh.get_by_role("heading", name="Today")).to_be_visible()


def test_half_a_span_is_told_on_the_phone_and_sent_nowhere(course: Ward, fresh: Page) -> None:
    connect(fresh, course)
    fill(fresh, wake="06:30", start="09:00", end="09:00")
    fresh.get_by_role("button", name="Save and go on").click()
    alert = fresh.get_by_role("main").get_by_role("alert")
    expect(alert).to_contain_text("both times for getting up and going to bed, or neither")
    expect(alert).to_contain_text("two times for work must differ")
    assert declared(course) is None


def test_the_usual_day_is_changed_under_my_times_and_survives_being_off_line(
    course: Ward, phones: Any
) -> None:
    declare(course, LONG_DAY)
    page = phones()
    page.get_by_role("button", name="Set my times").click()
    expect(page.get_by_label("I get up at")).to_have_value("06:30")
    assert layout_faults(page) == []
    page.context.set_offline(True)
    fill(page, wake="08:00", start="", end="")
    page.get_by_role("button", name="Save my usual day").click()
    expect(said(page, "sent as soon as the server can be reached")).to_be_visible()
    page.context.set_offline(False)
    until(lambda: declared(course) == DeclaredHours(wake=time(8), bed=time(23)), page)
    expect(said(page, "This is what you told us.")).to_be_visible()


def test_a_change_by_the_therapist_meanwhile_is_not_overwritten(course: Ward, phones: Any) -> None:
    page = phones()
    page.get_by_role("button", name="Set my times").click()
    fill(page, wake="07:00", bed="22:00")
    declare(course, LONG_DAY)
    page.get_by_role("button", name="Save my usual day").click()
    expect(said(page, "changed elsewhere in the meantime")).to_be_visible()
    expect(page.get_by_label("I get up at")).to_have_value("07:00")
    assert declared(course) == LONG_DAY
    page.get_by_role("button", name="Save my usual day").click()
    until(lambda: declared(course) == DeclaredHours(wake=time(7), bed=time(22)), page)


def test_why_now_says_the_sentence_of_the_prompts_own_record(course: Ward, phones: Any) -> None:
    page = phones()
    sentence = said(page, "It came as your phone was connected")
    expect(sentence).not_to_be_visible()
    page.get_by_text("Why now?").click()
    expect(sentence).to_be_visible()
    assert layout_faults(page) == []
    page.get_by_role("button", name="Later").click()
    page.get_by_role("button", name="15 min").click()
    expect(said(page, "You put it off.")).to_be_visible()
    expect(page.get_by_text("Why now?")).to_have_count(0)


def moments(course: Ward) -> MarkCounts:
    return marking.moments_of(course.clinic.db, course.patient.id)


@pytest.fixture
def asking(course: Ward) -> Ward:
    """The ward with check-ins that are timed for good moments, and one of them open."""
    document = {**BLENDED, "assignments": [dict(one) for one in BLENDED["assignments"]]}
    first = document["assignments"][0]
    windows = [{"from": f"{hour:02d}:00", "to": f"{hour + 1:02d}:00"} for hour in (17, 18, 19)]
    first["trigger"] = {**first["trigger"], "windows": windows, "objective": "relevance"}
    _, versions = scheduling.protocol_for(course.clinic.db, course.patient.id)
    scheduling.change_protocol(
        course.clinic.db, course.patient.id, document, expected_version=versions[0].version,
        by="Therapist One", known_content=course.clinic.services.library.ids(),
        now=course.clinic.clock(),
    )  # fmt: skip
    course.pass_time(minutes=110)
    return course


def answer(page: Page) -> None:
    """Answer the newest open check-in with what its fields begin with."""
    page.get_by_role("button", name="Start").last.click()
    for slider in page.locator("input[type=range]").all():
        slider.focus()
        page.keyboard.press("ArrowRight")
    send(page)
    expect(page.get_by_role("heading", name=re.compile("Thank you|Saved"))).to_be_visible()


QUESTION = "Was this a good moment for you?"


def test_after_answering_one_tap_says_whether_the_moment_was_good(
    asking: Ward, phones: Any
) -> None:
    page = phones()
    answer(page)
    expect(page.get_by_role("heading", name=QUESTION)).to_be_visible()
    assert layout_faults(page) == []
    page.get_by_role("button", name="No", exact=True).click()
    expect(said(page, "Noted as not a good moment.")).to_be_visible()
    until(lambda: moments(asking) == MarkCounts(good=0, bad=1), page)
    expect(page.get_by_role("heading", name=QUESTION)).to_have_count(0)


def test_a_mark_made_off_line_is_sent_later_after_a_reload_too(asking: Ward, phones: Any) -> None:
    page = phones()
    page.evaluate("navigator.serviceWorker?.ready.then(() => true) ?? true")
    page.context.set_offline(True)
    answer(page)
    page.get_by_role("button", name="Yes", exact=True).click()
    expect(said(page, "Noted as a good moment.")).to_be_visible()
    assert moments(asking) == MarkCounts(0, 0)
    page.context.set_offline(False)
    page.goto(f"{asking.address}/app/")
    until(lambda: moments(asking) == MarkCounts(good=1, bad=0), page)


NOTE = note_of({"id": "note", "type": "text", "ask": "What is on your mind?"})


def answer_stub(page: Page, clinic: Clinic, content: ContentItem = NOTE) -> None:
    """Send a prompt that asks for a mark, start it, and send an answer to it."""
    prompt_id = clinic.send(content)
    clinic.prompts[prompt_id]["asks_moment"] = True
    look_again(page)
    page.get_by_role("button", name="Start").click()
    for option in page.locator("[id$=option-1]").all():
        option.check()
    send(page)
    expect(page.get_by_text(re.compile("has been sent"))).not_to_have_count(0)


def asked(page: Page) -> int:
    count = page.get_by_role("heading", name=QUESTION).count()
    page.get_by_role("button", name="Back to today").click()
    return count


def test_who_passes_the_question_three_times_is_left_in_peace_for_a_week(
    page: Page, clinic: Clinic, address: str
) -> None:
    enrol(page, address)
    found = []
    for _ in range(5):
        answer_stub(page, clinic)
        found.append(asked(page))
    assert found == [1, 1, 1, 0, 0]
    kept = "JSON.parse(localStorage.getItem('welltimed.moment'))"
    week = "{passed: 3, at: Date.now() - 8 * 24 * 3600e3}"
    assert page.evaluate(f"{kept}.passed") == 3
    page.evaluate(f"localStorage.setItem('welltimed.moment', JSON.stringify({week}))")
    answer_stub(page, clinic)
    assert asked(page) == 1


def test_beside_a_safety_text_nothing_is_asked(page: Page, clinic: Clinic, address: str) -> None:
    enrol(page, address)
    answer_stub(page, clinic, Library.builtin().get("phq9"))
    expect(page.get_by_role("alert").filter(has_text="Please read this")).to_be_visible()
    assert asked(page) == 0
