"""The therapist's pages in a real browser: keyboard, narrow screens, no script, no breach."""

import pytest
from builders import EMAIL, PASSWORD
from own_times import ward
from page_faults import watch, width_of
from practice import build_history, copy_of, served

pytestmark = pytest.mark.browser

FIRST_END = "[id='assignments[0].trigger.windows[0].to']"
PAGES = ("/caseload", "/patients/new", "", "/schedule")

SMALL_TARGETS = """() => [...document.querySelectorAll("a, button, input, select, summary")]
  .filter(e => e.type !== "hidden" && e.offsetParent && !e.closest("li, p.lead"))
  .map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
  .filter(([, box]) => box.width > 1 && (box.height < 24 || box.width < 24))
  .map(([html]) => html)"""


@pytest.fixture
def practice(tmp_path):
    copied = copy_of(build_history(), tmp_path)
    yield copied
    copied.db.close()


@pytest.fixture
def open_page(browser, practice):
    """Open a signed-in page; any script error or breach of the content policy fails the test."""
    faults = []
    contexts = []
    with served(practice) as url:

        def opened(**options):
            context = browser.new_context(base_url=url, **options)
            contexts.append(context)
            page = context.new_page()
            watch(page, faults)
            page.goto("/caseload")
            page.get_by_label("E-mail address").fill(EMAIL)
            page.get_by_label("Password").fill(PASSWORD)
            page.keyboard.press("Enter")
            page.get_by_role("heading", name="Caseload").wait_for()
            page.wait_for_load_state("load")
            return page

        yield opened
        for context in contexts:
            context.close()
    assert faults == []


def addresses(practice):
    here = f"/patients/{practice.patients['P-01'].id}"
    return [path if path.startswith("/") and path != "/schedule" else here + path for path in PAGES]


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_no_page_is_wider_than_the_screen_and_no_target_is_tiny(open_page, practice, width):
    page = open_page(viewport={"width": width, "height": 800})
    for path in addresses(practice):
        page.goto(path)
        assert width_of(page) <= width, path
        assert page.evaluate(SMALL_TARGETS) == [], path


def test_the_preview_appears_in_place_and_takes_the_focus(open_page, practice):
    page = open_page()
    page.goto(addresses(practice)[-1])
    page.evaluate("window.kept = true")
    page.locator(FIRST_END).fill("1130")
    page.get_by_role("button", name="Preview the week").click()
    page.get_by_role("heading", name="The coming week").wait_for()
    assert page.evaluate("[window.kept, document.activeElement.id]") == [True, "preview"]
    assert page.locator(FIRST_END).input_value() == "1130"


def test_the_first_fault_takes_the_focus_and_says_what_is_wrong(open_page, practice):
    page = open_page()
    page.goto(addresses(practice)[-1])
    page.locator(FIRST_END).fill("0830")
    page.get_by_role("button", name="Preview the week").click()
    page.locator("[aria-invalid]").wait_for()
    focused = "document.activeElement"
    assert page.evaluate(f"{focused}.value") == "0830"
    described = page.evaluate(
        f"document.getElementById({focused}.getAttribute('aria-describedby')).textContent"
    )
    assert "must be later" in described


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_a_blended_course_fits_every_screen_and_works_without_javascript(browser, tmp_path, width):
    with ward(tmp_path) as course:
        context = browser.new_context(
            base_url=course.address,
            java_script_enabled=False,
            viewport={"width": width, "height": 800},
            color_scheme="dark",
        )
        page = context.new_page()
        page.goto("/caseload")
        page.get_by_label("E-mail address").fill(EMAIL)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("link", name="P-07").click()
        page.get_by_label("First session was on").fill("2026-11-24")
        page.get_by_role("button", name="Enter").click()
        page.get_by_text("The date was entered").wait_for()
        page.locator("summary", has_text="of times and rules").click()
        assert width_of(page) <= width
        page.locator("summary", has_text="as a table, each with its way").click()
        page.locator("a.step-in").first.click()
        page.get_by_role("heading", name="One prompt and its way").wait_for()
        assert width_of(page) <= width
        page.go_back()
        page.get_by_role("link", name="Change schedule").click()
        page.locator(FIRST_END).fill("1130")
        page.get_by_role("button", name="Preview the week").click()
        page.get_by_role("heading", name="What this changes: ").wait_for()
        page.get_by_role("heading", name="Phases with these settings").wait_for()
        assert width_of(page) <= width
        context.close()


def test_everything_works_without_javascript(open_page, practice):
    page = open_page(java_script_enabled=False)
    page.get_by_role("link", name="P-01").click()
    page.get_by_text("as a table").first.click()
    page.get_by_role("region", name="All prompts").wait_for()
    page.get_by_role("link", name="Change schedule").click()
    page.locator(FIRST_END).fill("0830")
    page.get_by_role("button", name="Preview the week").click()
    page.locator("[aria-invalid]").wait_for()
    page.locator(FIRST_END).fill("1130")
    page.get_by_role("button", name="Preview the week").click()
    page.get_by_role("heading", name="The coming week").wait_for()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("The schedule was saved").wait_for()
    page.get_by_role("button", name="New enrolment code").click()
    page.get_by_role("heading", name="Enrolment code for P-01").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("link", name="For therapists").wait_for()


def test_a_patient_can_be_reached_by_keyboard_alone(open_page):
    page = open_page()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    page.keyboard.press("Enter")
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate(outline) == "solid"
        if page.evaluate("document.activeElement.textContent") == "P-02":
            break
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="P-02", exact=True).wait_for()


def test_a_printed_patient_fits_one_sheet(open_page, practice):
    page = open_page()
    page.goto(addresses(practice)[2])
    assert page.pdf(format="A4").count(b"/Type /Page\n") == 1
