"""What no page may do: throw, breach its content policy, or be wider than the screen."""

from playwright.sync_api import Page

BREACHES = ("Content Security Policy", "Refused to")


def watch(page: Page, faults: list[str]) -> None:
    """Add the page's script errors and breaches of the content policy to `faults`."""

    def note(text: str) -> None:
        if any(breach in text for breach in BREACHES):
            faults.append(text)

    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: note(said.text))


def width_of(page: Page) -> int:
    """Return how wide the page is, in CSS px, once all of it is there with its styles.

    A heading can be seen while the rest is still being read, and then pages look wider.
    """
    page.wait_for_load_state("load")
    width: int = page.evaluate("document.documentElement.scrollWidth")
    return width
