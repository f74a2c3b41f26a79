"""The patient page when things go wrong between phone and server; and what it never gives away."""

import pytest
from patient_steps import enrol, layout_faults, look_again, note_of, open_prompt, said, send, until
from playwright.sync_api import Page, Route, expect
from stub import Clinic

from content.library import Library

pytestmark = pytest.mark.browser
MOOD = note_of({"id": "mood", "type": "slider", "ask": "How is your mood?", "required": True})


def answer_mood(page: Page, clinic: Clinic) -> str:
    prompt = open_prompt(page, clinic, MOOD)
    page.get_by_role("slider").fill("30")
    return prompt


def test_an_answer_given_offline_is_kept_and_sent_exactly_once(
    page: Page, clinic: Clinic, address: str
) -> None:
    enrol(page, address)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    answer_mood(page, clinic)
    page.context.set_offline(True)
    send(page)
    saved = "Saved on this phone; it will be sent when you are online again."
    expect(said(page, saved)).to_be_visible()
    page.reload()
    expect(said(page, "One answer is saved on this phone")).to_be_visible()
    expect(page.get_by_role("button", name="Start")).to_have_count(0)
    assert clinic.attempts == []
    page.context.set_offline(False)
    until(lambda: len(clinic.responses) == 1, page)
    expect(said(page, "One answer is saved on this phone")).to_have_count(0)
    for _ in range(3):
        look_again(page)
    page.reload()
    expect(said(page, "Nothing to do now")).to_be_visible()
    assert len(clinic.attempts) == 1


def test_a_lost_reply_leads_to_the_same_answer_again_not_to_a_second(
    page: Page, clinic: Clinic, address: str
) -> None:
    enrol(page, address)
    answer_mood(page, clinic)
    clinic.lose_replies = 1
    send(page)
    expect(said(page, "sent as soon as the server can be reached")).to_be_visible()
    expect(said(page, "Your answer has been sent.")).to_be_visible()
    assert len(clinic.attempts) == 2
    assert len(set(clinic.attempts)) == 1
    assert len(clinic.responses) == 1


def test_a_wait_the_server_asks_for_is_kept_whatever_happens_meanwhile(
    page: Page, clinic: Clinic, address: str
) -> None:
    enrol(page, address)
    answer_mood(page, clinic)
    clinic.lose_replies, clinic.retry_after = 1, 4
    send(page)
    expect(page.get_by_role("heading", name="Saved")).to_be_visible()
    for _ in range(5):
        look_again(page)
        page.evaluate("window.dispatchEvent(new Event('online'))")
        page.wait_for_timeout(50)
    assert len(clinic.attempts) == 1
    expect(said(page, "Your answer has been sent.")).to_be_visible()
    assert len(clinic.attempts) == 2


def test_a_prompt_answered_on_one_open_page_leaves_the_other(
    page: Page, clinic: Clinic, address: str
) -> None:
    enrol(page, address)
    clinic.send(MOOD)
    look_again(page)
    other = page.context.new_page()
    other.goto(f"{address}/app/")
    expect(other.get_by_role("button", name="Start")).to_be_visible()
    page.get_by_role("button", name="Start").click()
    page.get_by_role("slider").fill("30")
    send(page)
    expect(said(page, "Your answer has been sent.")).to_be_visible()
    expect(said(other, "Nothing to do now")).to_be_visible()
    expect(said(other, "This week: 9 of 11 answered")).to_be_visible()


def test_a_phone_learns_that_prompts_now_come_by_the_stream(
    page: Page, clinic: Clinic, address: str
) -> None:
    enrol(page, address)
    clinic.channel = "emulator"
    page.reload()
    until(lambda: len(clinic.streams) == 1, page)
    clinic.send(MOOD)
    expect(page.get_by_role("button", name="Start")).to_be_visible()


def test_a_prompt_sent_before_the_stream_stands_is_there_as_soon_as_it_does(
    page: Page, clinic: Clinic, address: str
) -> None:
    held: list[Route] = []
    page.context.route("**/fcm-emulator/stream*", lambda route: held.append(route))
    clinic.channel = "emulator"
    with page.expect_response("**/v1/device/prompts"):
        enrol(page, address)
    until(lambda: len(held) == 1, page)
    expect(said(page, "Nothing to do now")).to_be_visible()
    page.wait_for_load_state("networkidle")
    clinic.send(MOOD, push=False)
    held[0].continue_()
    expect(page.get_by_role("button", name="Start")).to_be_visible(timeout=15_000)


def test_a_prompt_answered_elsewhere_is_told_calmly(
    page: Page, clinic: Clinic, address: str
) -> None:
    enrol(page, address)
    prompt = answer_mood(page, clinic)
    clinic.responses["from-elsewhere"] = {"prompt_id": prompt}
    send(page)
    expect(page.get_by_role("heading", name="Already answered")).to_be_visible()
    page.get_by_role("button", name="Back to today").click()
    expect(said(page, "Nothing to do now")).to_be_visible()
    expect(said(page, "saved on this phone")).to_have_count(0)


def test_an_answer_the_server_refuses_is_held_until_the_patient_decides(
    page: Page, clinic: Clinic, address: str
) -> None:
    enrol(page, address)
    prompt = answer_mood(page, clinic)
    gone = clinic.prompts.pop(prompt)
    send(page)
    expect(said(page, "There is no such prompt for this device.")).to_be_visible()
    page.get_by_role("button", name="Back to today").click()
    expect(said(page, "could not be delivered")).to_be_visible()
    clinic.prompts[prompt] = gone
    page.get_by_role("button", name="Try again").click()
    until(lambda: len(clinic.responses) == 1, page)
    expect(said(page, "could not be delivered")).to_have_count(0)


def test_a_revoked_phone_asks_for_a_code_and_keeps_unsent_answers(
    page: Page, clinic: Clinic, address: str
) -> None:
    enrol(page, address)
    answer_mood(page, clinic)
    # Receipts go out together after a moment; were they refused first, the form would be gone.
    until(lambda: any(kind == "opened" for _, kind in clinic.receipts), page)
    clinic.credentials.clear()
    send(page)
    expect(said(page, "This phone is no longer connected.")).to_be_visible()
    expect(said(page, "One answer is saved on this phone")).to_be_visible()
    enrol(page, address)
    until(lambda: len(clinic.responses) == 1, page)


def test_a_login_page_of_a_public_network_is_not_taken_for_an_answer(
    page: Page, clinic: Clinic, address: str
) -> None:
    enrol(page, address)
    answer_mood(page, clinic)
    for status in (200, 401, 404):
        put_login_page_between(page, status)
        if status == 200:
            send(page)
        else:
            look_again(page)
        page.wait_for_timeout(100)
    expect(page.get_by_role("heading", name="Saved")).to_be_visible()
    page.unroute_all()
    look_again(page)
    expect(said(page, "Your answer has been sent.")).to_be_visible()
    assert len(clinic.responses) == 1


def put_login_page_between(page: Page, status: int) -> None:
    def answer(route: Route) -> None:
        route.fulfill(status=status, content_type="text/html", body="<h1>Log in</h1>")

    page.unroute_all()
    page.route("**/v1/**", answer)


def test_signing_out_removes_everything_from_the_phone(
    page: Page, clinic: Clinic, address: str
) -> None:
    enrol(page, address)
    page.get_by_text("This phone", exact=True).click()
    page.get_by_role("button", name="Sign this phone out").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect(page.get_by_role("heading", name="Connect this phone")).to_be_visible()
    assert page.evaluate("localStorage.length") == 0
    assert clinic.credentials == set()


def test_nothing_clinical_enters_the_cache(page: Page, clinic: Clinic, address: str) -> None:
    enrol(page, address)
    answer_mood(page, clinic)
    send(page)
    expect(said(page, "Your answer has been sent.")).to_be_visible()
    page.reload()
    cached = page.evaluate(
        """async () => {
          await navigator.serviceWorker.ready;
          const names = await caches.keys();
          const keysOf = async (name) => (await caches.open(name)).keys();
          const lists = await Promise.all(names.map(keysOf));
          return lists.flat().map((request) => new URL(request.url).pathname);
        }"""
    )
    assert "/app/" in cached
    assert [path for path in cached if not path.startswith("/app/")] == []


def test_a_notification_says_only_that_there_is_a_prompt(
    page: Page, clinic: Clinic, address: str
) -> None:
    page.context.grant_permissions(["notifications"])
    page.add_init_script(
        "window.said = []; ServiceWorkerRegistration.prototype.showNotification ="
        " async (title, options) => void window.said.push([title, options.body]);"
    )
    enrol(page, address)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.evaluate("Object.defineProperty(document, 'visibilityState', {get: () => 'hidden'})")
    prompt = clinic.send(MOOD)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    until(lambda: page.evaluate("window.said.length") > 0, page)
    assert page.evaluate("window.said") == [["Welltimed", "You have a new prompt."]]
    until(lambda: (prompt, "delivered") in clinic.receipts, page)
    assert (prompt, "shown") not in clinic.receipts


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_window_and_targets_are_large(
    page: Page, clinic: Clinic, address: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(f"{address}/app/")
    faults = layout_faults(page)
    enrol(page, address)
    clinic.send(MOOD)
    look_again(page)
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    faults += layout_faults(page)
    page.get_by_role("button", name="Start").click()
    faults += layout_faults(page)
    page.get_by_role("button", name="Back").click()
    for name in Library.builtin().ids():
        prompt = clinic.send(Library.builtin().get(name))
        look_again(page)
        card = page.locator(f'[data-prompt="{prompt}"]')
        card.get_by_role("button", name="Start").click()
        page.get_by_role("button", name="Send").click()  # the faults are the widest state
        faults += layout_faults(page)
        page.get_by_role("button", name="Back").click()
    assert faults == []
