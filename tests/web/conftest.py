"""A real Chromium for the page tests, and a stand-in server for each test."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from own_times import Ward, phone, ward
from page_faults import watch
from playwright.sync_api import Browser, Page, expect, sync_playwright
from stub import Clinic, running

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 30_000
"""How long a page may take to show what it should; a busy machine takes many times the usual."""
expect.set_options(timeout=PATIENCE_MS)
ADVICE = "no Chromium found: install one or name it in WELLTIMED_CHROMIUM"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where asked to, let a test of a page that fails run once more; the summary names it.

    For machines that check a change while other work keeps them busy. What fails so now and then
    has been a fault of the product before, so a name in that summary is to be looked into.
    """
    if os.environ.get("WELLTIMED_RERUN_PAGES") == "1":
        for item in items:
            if item.get_closest_marker("browser"):
                item.add_marker(pytest.mark.flaky(reruns=1))


def chromium() -> str | None:
    """Return the path of a Chromium, or None where there is none."""
    named = os.environ.get("WELLTIMED_CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


# One browser a module, not a session: Playwright's synchronous interface keeps an event loop in
# the main thread, which asynchronous tests of other modules would trip over.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = chromium()
    if path is None:
        if os.environ.get("WELLTIMED_REQUIRE_BROWSER") == "1":
            pytest.fail(ADVICE)
        pytest.skip(ADVICE)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def clinic() -> Clinic:
    return Clinic()


@pytest.fixture
def address(clinic: Clinic) -> Iterator[str]:
    with running(clinic) as url:
        yield url


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A phone-sized page; any script error or breach of the content policy fails the test."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    opened = context.new_page()
    faults: list[str] = []
    watch(opened, faults)
    yield opened
    context.close()
    assert faults == []


@pytest.fixture
def course(tmp_path: Path) -> Iterator[Ward]:
    with ward(tmp_path) as built:
        yield built


@pytest.fixture
def faults() -> Iterator[list[str]]:
    """Script errors and breaches of the content policy; any fails the test."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def phones(browser: Browser, course: Ward, faults: list[str]) -> Iterator[Any]:
    """Open the patient's page as connected."""
    opened: list[Page] = []

    def open_phone(**options: Any) -> Page:
        opened.append(phone(browser, course, faults, **options))
        return opened[-1]

    yield open_phone
    for page in opened:
        page.context.close()
