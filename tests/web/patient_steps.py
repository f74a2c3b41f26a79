"""What a patient does on the page, in words the tests use."""

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page, expect
from stub import CODE, Clinic

from content.item import ContentItem

WAIT_SECONDS = 30


def enrol(page: Page, address: str) -> None:
    page.goto(f"{address}/app/")
    page.get_by_label("Your code").fill(CODE)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("heading", name="Today")).to_be_visible()


def said(page: Page, text: str) -> Locator:
    """Find a sentence on the screen, not in the live region that repeats it to screen readers."""
    return page.get_by_role("main").get_by_text(text)


def look_again(page: Page) -> None:
    """Do what a patient's return to the page does: it asks the server what is open."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def open_prompt(page: Page, clinic: Clinic, content: ContentItem, *, minutes: float = 60) -> str:
    """Send a prompt, see it and start it; returns its id."""
    prompt_id = clinic.send(content, minutes=minutes)
    look_again(page)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", level=1, name=content.title)).to_be_visible()
    return prompt_id


def send(page: Page) -> None:
    page.get_by_role("button", name="Send", exact=True).click()


def until(condition: Callable[[], bool], page: Page) -> None:
    """Wait until something holds at the server, letting the page run meanwhile."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        page.wait_for_timeout(20)


def note_of(*items: dict[str, Any], **more: Any) -> ContentItem:
    """Return a small content item made of these questions."""
    return ContentItem.model_validate(
        {
            "schema": "welltimed-content/1",
            "id": "test.note",
            "version": "1.0.0",
            "kind": "log",
            "language": "en",
            "title": "Short note",
            "minutes": 1,
            "licence": {"spdx": "Apache-2.0", "holder": "Welltimed", "source": "Made for a test."},
            "items": list(items),
            **more,
        }
    )


def layout_faults(page: Page) -> list[str]:
    """Return what is wider than the window, and controls less than 44 px high."""
    page.wait_for_load_state("load")
    faults: list[str] = page.evaluate(
        """() => {
          const wide = document.documentElement.scrollWidth - innerWidth;
          const high = (node) => node.getBoundingClientRect().height;
          const controls = 'button, summary, textarea, select, .option, input';
          const small = [...document.querySelectorAll(controls)]
            .filter((node) => !node.closest('.option') || node.matches('.option'))
            .filter((node) => high(node) > 0 && high(node) < 44)
            .map((node) => `${node.tagName} ${node.textContent} is ${high(node)} px high`);
          return wide > 0 ? [...small, `${wide} px too wide`] : small;
        }"""
    )
    return faults
