"""The admin's page and the test button in a real browser: narrow screens, no breach, live words."""

from collections.abc import Iterator
from typing import Any

import pytest
from builders import EMAIL, PASSWORD
from own_times import Ward
from page_faults import watch, width_of
from patient_steps import enrol, layout_faults, until
from playwright.sync_api import Browser, Page, expect
from stub import Clinic

from api import auth
from prompting.dispatch import Dispatcher

pytestmark = pytest.mark.browser


@pytest.fixture
def open_office(browser: Browser, course: Ward, faults: list[str]) -> Iterator[Any]:
    """Open a page signed in by e-mail address."""
    contexts = []

    def opener(email: str, **options: Any) -> Page:
        context = browser.new_context(base_url=course.address, **options)
        contexts.append(context)
        page = context.new_page()
        watch(page, faults)
        page.goto("/sign-in")
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Sign out").wait_for()
        return page

    yield opener
    for context in contexts:
        context.close()


def send(course: Ward) -> None:
    """Send what is due; the phone does not confirm it by itself."""
    clinic = course.clinic
    Dispatcher(db=clinic.db, pusher=clinic.pusher, clock=clinic.clock, owner="t").tick()


def line(page: Page) -> Any:
    return page.locator(".test-line")


def ask(page: Page) -> None:
    # What is drawn anew while the page begins folds the panel up again.
    expect(page.get_by_role("button", name="Start", exact=True)).to_be_visible()
    button = page.get_by_role("button", name="Send me a test notification")
    until(lambda: button.is_visible() or unfolded(page), page)
    button.click()


def unfolded(page: Page) -> bool:
    """Press on the panel's heading; return False, as what it does is seen a moment later."""
    page.get_by_text("This phone", exact=True).click()
    page.wait_for_timeout(200)
    return False


def test_the_patient_sees_a_test_leave_and_arrive(course: Ward, phones: Any) -> None:
    page = phones()
    expect(page.get_by_text("also in your quiet hours")).to_be_hidden()
    ask(page)
    expect(page.get_by_text("also in your quiet hours")).to_be_visible()
    expect(line(page)).to_contain_text("Waiting for it to be sent")
    send(course)
    expect(line(page)).to_have_text("Sent 16:10:06. Waiting for your phone to confirm ...")
    push = course.clinic.pusher.pushed[-1]
    page.evaluate(
        "id => import('/app/receipts.js').then(({ note }) => note(id, 'delivered'))",
        str(push.prompt_id),
    )
    expect(line(page)).to_have_text("Sent 16:10:06, your phone confirmed 16:10:06.")
    expect(page.get_by_role("button", name="Start", exact=True)).to_have_count(1)
    assert layout_faults(page) == []


def test_the_patient_is_told_when_it_cannot_be_sent_and_when_it_was_asked_too_often(
    course: Ward, phones: Any
) -> None:
    page = phones()
    with course.clinic.db.write() as tx:
        tx.conn.exec_driver_sql("UPDATE devices SET push_token = NULL")
    ask(page)
    expect(line(page)).to_contain_text("Waiting for it to be sent")
    send(course)
    expect(line(page)).to_contain_text("It did not arrive: no phone to send to.")
    for _ in range(2):
        page.get_by_role("button", name="Send me a test notification").click()
        expect(line(page)).to_contain_text("Waiting for it to be sent")
        send(course)
        expect(line(page)).to_contain_text("It did not arrive")
    page.get_by_role("button", name="Send me a test notification").click()
    expect(line(page)).to_have_text(
        "Three tests in ten minutes are enough. The next is possible in 10 minutes."
    )


def test_a_push_of_a_test_brings_a_notification_of_the_same_words(
    page: Page, clinic: Clinic, address: str
) -> None:
    clinic.channel = "emulator"
    page.context.grant_permissions(["notifications"])
    page.add_init_script(
        "window.said = []; ServiceWorkerRegistration.prototype.showNotification ="
        " async (title, options) => void window.said.push([title, options.body, options.tag]);"
    )
    enrol(page, address)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.evaluate("Object.defineProperty(document, 'visibilityState', {get: () => 'hidden'})")
    until(lambda: bool(clinic.streams), page)
    test = clinic.send_test()
    until(lambda: page.evaluate("window.said.length") > 0, page)
    assert page.evaluate("window.said") == [["Welltimed", "You have a new prompt.", test]]
    until(lambda: (test, "delivered") in clinic.receipts, page)


def test_a_push_about_nothing_known_brings_no_notification(
    page: Page, clinic: Clinic, address: str
) -> None:
    clinic.channel = "emulator"
    page.context.grant_permissions(["notifications"])
    page.add_init_script(
        "window.said = []; ServiceWorkerRegistration.prototype.showNotification ="
        " async (title, options) => void window.said.push(options.tag);"
    )
    enrol(page, address)
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    page.evaluate("Object.defineProperty(document, 'visibilityState', {get: () => 'hidden'})")
    until(lambda: bool(clinic.streams), page)
    stale = clinic.send_test()
    clinic.tests.clear()
    until(lambda: (stale, "delivered") in clinic.receipts, page)
    known = clinic.send_test()
    until(lambda: page.evaluate("window.said.length") > 0, page)
    assert page.evaluate("window.said") == [known]


@pytest.mark.parametrize("width", [390, 1280])
def test_the_admins_page_fits_the_screen(course: Ward, open_office: Any, width: int) -> None:
    auth.add_clinician(
        course.clinic.db, email="admin@clinic.example", name="Admin One", role="admin",
        password=PASSWORD, now=course.clinic.clock(),
    )  # fmt: skip
    page = open_office("admin@clinic.example", viewport={"width": width, "height": 900})
    expect(page.get_by_role("heading", name="Delivery", exact=True)).to_be_visible()
    assert width_of(page) <= width


def test_the_therapists_page_follows_a_test_without_script(course: Ward, open_office: Any) -> None:
    page = open_office(EMAIL, viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page.goto(f"/patients/{course.patient.id}")
    page.get_by_role("button", name="Send a test notification").click()
    expect(page.get_by_text("Waiting for it to be sent")).to_be_visible()
    course.pass_time(seconds=1)
    expect(page.get_by_text("Sent 16:10:07, the phone confirmed 16:10:07.")).to_be_visible()
    expect(page.get_by_text("Stop looking")).to_have_count(0)
