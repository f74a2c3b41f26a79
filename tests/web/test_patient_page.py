"""The patient page in a real browser: connecting, receiving, answering, losing the network."""

import pytest
from patient_steps import enrol, look_again, note_of, open_prompt, said, send, until
from playwright.sync_api import Page, expect
from stub import Clinic

from content.library import Library

pytestmark = pytest.mark.browser
LIBRARY = Library.builtin()
MOOD = note_of(
    {"id": "mood", "type": "slider", "ask": "How is your mood?", "required": True},
    {"id": "words", "type": "text", "ask": "In a few words?", "max_chars": 20},
)


def test_a_wrong_code_is_explained_and_the_right_one_connects(page: Page, address: str) -> None:
    page.goto(f"{address}/app/")
    code = page.get_by_label("Your code")
    code.fill("wrong")
    code.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not valid")
    expect(code).to_be_focused()
    code.fill(" abcd-23 45 ")
    code.press("Enter")
    expect(said(page, "Nothing to do now")).to_be_visible()
    expect(page.get_by_role("progressbar", name="This week: 8 of 11 answered")).to_be_visible()


def test_the_first_screen_says_what_the_service_is_not(page: Page, address: str) -> None:
    page.goto(f"{address}/app/")
    expect(said(page, "Your answers are not read at once.")).to_be_visible()
    expect(said(page, "This is not an emergency service.")).to_be_visible()


def test_a_prompt_arrives_live_and_its_receipts_tell_the_truth(
    page: Page, clinic: Clinic, address: str
) -> None:
    clinic.channel = "emulator"
    enrol(page, address)
    until(lambda: len(clinic.streams) == 1, page)
    assert len(clinic.push_tokens) == 1
    prompt = clinic.send(MOOD)
    expect(page.get_by_role("heading", name="New prompt, about 1 min")).to_be_visible()
    until(lambda: {(prompt, "delivered"), (prompt, "shown")} <= set(clinic.receipts), page)
    assert (prompt, "opened") not in clinic.receipts
    page.get_by_role("button", name="Start").click()
    until(lambda: (prompt, "opened") in clinic.receipts, page)
    assert len(clinic.receipts) == len(set(clinic.receipts))


def test_without_a_stream_coming_back_to_the_page_finds_the_prompt(
    page: Page, clinic: Clinic, address: str
) -> None:
    enrol(page, address)
    clinic.send(MOOD)
    look_again(page)
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def test_an_unlikely_plan_asks_for_the_obstacle(page: Page, clinic: Clinic, address: str) -> None:
    enrol(page, address)
    open_prompt(page, clinic, LIBRARY.get("ba.plan-tomorrow"))
    page.get_by_label("What will you do tomorrow?").fill("Walk to the river")
    page.get_by_label("At what time will you begin?").fill("10:30")
    page.get_by_label("With a friend").check()
    obstacle = page.get_by_label("What is most likely to get in the way?")
    expect(obstacle).to_be_hidden()
    page.get_by_role("slider").fill("40")
    obstacle.fill("Rain")
    page.get_by_label("If that happens, what will you do then?").fill("Take the umbrella")
    send(page)
    expect(said(page, "and a plan for the obstacle too")).to_be_visible()
    (body,) = clinic.responses.values()
    assert body["answers"] == {
        "activity": "Walk to the river",
        "start": "10:30",
        "company": "friends",
        "likely": 40,
        "obstacle": "Rain",
        "if_then": "Take the umbrella",
    }


def test_answers_to_hidden_questions_are_not_sent(page: Page, clinic: Clinic, address: str) -> None:
    enrol(page, address)
    shown = {"item": "out", "op": "eq", "value": True}
    item = note_of(
        {"id": "out", "type": "yesno", "ask": "Were you outside?"},
        {"id": "where", "type": "text", "ask": "Where?", "required": True, "show_if": shown},
    )
    open_prompt(page, clinic, item)
    page.get_by_label("Yes").check()
    page.get_by_label("Where?").fill("In the garden")
    page.get_by_label("No", exact=True).check()
    send(page)
    expect(said(page, "Your answer has been sent.")).to_be_visible()
    assert [body["answers"] for body in clinic.responses.values()] == [{"out": False}]


def test_every_kind_of_question_can_be_answered(page: Page, clinic: Clinic, address: str) -> None:
    enrol(page, address)
    options = [{"code": "a", "text": "First"}, {"code": "b", "text": "Second"}]
    item = note_of(
        {"id": "read", "type": "info", "text": "Please take a breath.\n\nThen go on."},
        {"id": "one", "type": "choice", "ask": "Pick one", "options": options},
        {"id": "some", "type": "multi", "ask": "Pick any", "options": options},
        {"id": "hours", "type": "number", "ask": "Hours slept", "min": 0, "max": 24, "step": 0.5},
        {"id": "rose", "type": "time", "ask": "Got up at"},
        {"id": "ok", "type": "yesno", "ask": "All well"},
        {"id": "skipped", "type": "slider", "ask": "Left alone"},
    )
    open_prompt(page, clinic, item)
    expect(said(page, "Then go on.")).to_be_visible()
    page.get_by_role("radio", name="Second").check()
    page.get_by_role("checkbox", name="Second").check()
    page.get_by_role("checkbox", name="First").check()
    page.get_by_label("Hours slept").fill("7,3")
    page.get_by_label("Got up at").fill("06:45")
    page.get_by_label("Yes").check()
    send(page)
    expect(said(page, "a number from 0 to 24 in steps of 0.5")).to_be_visible()
    expect(page.get_by_label("Hours slept")).to_be_focused()
    page.get_by_label("Hours slept").fill("7,5")
    send(page)
    expect(said(page, "Your answer has been sent.")).to_be_visible()
    (body,) = clinic.responses.values()
    assert body["answers"] == {
        "one": "b", "some": ["a", "b"], "hours": 7.5, "rose": "06:45", "ok": True,
    }  # fmt: skip


def test_a_missing_answer_is_named_and_focused(page: Page, clinic: Clinic, address: str) -> None:
    enrol(page, address)
    open_prompt(page, clinic, MOOD)
    send(page)
    expect(said(page, "Please move the slider")).to_be_visible()
    expect(page.get_by_role("slider")).to_be_focused()
    expect(page.get_by_role("slider")).to_have_attribute("aria-invalid", "true")
    assert clinic.attempts == []


def test_the_whole_way_works_by_keyboard_alone(page: Page, clinic: Clinic, address: str) -> None:
    page.goto(f"{address}/app/")
    page.keyboard.press("Tab")
    page.keyboard.type("ABCD2345")
    page.keyboard.press("Enter")
    expect(said(page, "Nothing to do now")).to_be_visible()
    clinic.send(MOOD)
    look_again(page)
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Short note")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("slider")).to_be_focused()
    expect(page.get_by_role("slider")).to_have_attribute("aria-valuetext", "not answered yet")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    for _ in range(2):  # over the Clear button to the text
        page.keyboard.press("Tab")
    page.keyboard.type("fine")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(said(page, "Your answer has been sent.")).to_be_visible()
    (body,) = clinic.responses.values()
    assert body["answers"] == {"mood": 51, "words": "fine"}


def test_a_reload_keeps_what_was_entered(page: Page, clinic: Clinic, address: str) -> None:
    enrol(page, address)
    open_prompt(page, clinic, MOOD)
    page.get_by_role("slider").fill("30")
    page.get_by_label("In a few words?").fill("half done")
    page.reload()
    expect(page.get_by_label("In a few words?")).to_have_value("half done")
    expect(page.get_by_role("slider")).to_have_value("30")
    page.get_by_role("button", name="Back").click()
    page.get_by_role("button", name="Continue").click()
    send(page)
    expect(said(page, "Your answer has been sent.")).to_be_visible()
    (body,) = clinic.responses.values()
    assert body["answers"] == {"mood": 30, "words": "half done"}
    assert body["opened_at"] < body["answered_at"]


def test_what_the_server_finds_faulty_comes_back_to_the_form(
    page: Page, clinic: Clinic, address: str
) -> None:
    enrol(page, address)
    open_prompt(page, clinic, MOOD)
    page.get_by_role("slider").fill("30")
    page.get_by_label("In a few words?").fill("odd")
    clinic.fault_items = {"words": "must be something else"}
    send(page)
    expect(said(page, "must be something else")).to_be_visible()
    expect(page.get_by_label("In a few words?")).to_be_focused()
    page.get_by_label("In a few words?").fill("plain")
    send(page)
    expect(said(page, "Your answer has been sent.")).to_be_visible()
    (body,) = clinic.responses.values()
    assert body["answers"] == {"mood": 30, "words": "plain"}


def test_an_answer_after_the_time_is_still_taken(page: Page, clinic: Clinic, address: str) -> None:
    enrol(page, address)
    open_prompt(page, clinic, MOOD, minutes=0.03)
    page.get_by_role("slider").fill("30")
    expect(said(page, "You can still send it; it will be marked as late.").first).to_be_visible()
    page.reload()
    expect(page.get_by_role("slider")).to_have_value("30")
    send(page)
    expect(said(page, "it was kept and marked as late")).to_be_visible()


def test_a_safety_text_stays_until_it_is_closed(page: Page, clinic: Clinic, address: str) -> None:
    enrol(page, address)
    open_prompt(page, clinic, LIBRARY.get("phq9"))
    for number in range(1, 10):
        page.locator(f"#item-phq{number}-option-1").check()
    send(page)
    note = page.get_by_role("alert").filter(has_text="Please read this")
    expect(note).to_contain_text("Please do not stay alone with them.")
    page.reload()
    expect(note).to_be_visible()
    note.get_by_role("button", name="Close this note").click()
    expect(note).to_have_count(0)
    page.reload()
    expect(said(page, "Nothing to do now")).to_be_visible()
    expect(note).to_have_count(0)
