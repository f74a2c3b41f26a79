"""What can be said of the patient page's files without a browser."""

import json
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "api" / "web" / "patient"
SCRIPTS = sorted(PAGE.glob("*.js"))


def schemes() -> dict[str, dict[str, str]]:
    """Return the colours of the light and the dark scheme by name."""
    css = (PAGE / "app.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", css, flags=re.DOTALL)
    light, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in blocks)
    return {"light": light, "dark": light | dark}


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb` (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


TEXT = [
    *((ink, ground) for ink in ("ink", "soft", "accent-strong") for ground in ("ground", "card")),
    *((ink, "tint") for ink in ("ink", "accent-strong")),
    *((ink, "warm") for ink in ("ink", "accent-strong")),
    *(("fault", ground) for ground in ("ground", "card")),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
]
EDGES = [(edge, ground) for edge in ("edge", "accent", "fault") for ground in ("ground", "card")]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_and_control_borders_have_enough_contrast(scheme: str) -> None:
    colours = schemes()[scheme]
    poor = [pair for pair in TEXT if contrast(*(colours[name] for name in pair)) < 4.5]
    faint = [pair for pair in EDGES if contrast(*(colours[name] for name in pair)) < 3]
    assert (poor, faint) == ([], [])


def test_the_service_worker_names_every_file_of_the_page() -> None:
    shell = re.search(r"SHELL = \[(.*?)\]", (PAGE / "sw.js").read_text(), flags=re.DOTALL)
    assert shell is not None
    named = set(re.findall(r'"/app/([^"]+)"', shell[1]))
    assert named == {path.name for path in PAGE.iterdir()} - {"index.html", "sw.js"}


def test_the_page_has_no_inline_script_or_style() -> None:
    page = (PAGE / "index.html").read_text()
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", page) == []
    assert re.search(r'<html lang="[a-z]+">', page)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_never_turn_text_into_markup_or_code(script: Path) -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    assert re.findall(forbidden, script.read_text()) == []


def test_the_manifest_names_files_that_exist_within_its_scope() -> None:
    manifest = json.loads((PAGE / "manifest.webmanifest").read_text())
    assert manifest["start_url"].startswith(manifest["scope"])
    for icon in manifest["icons"]:
        assert (PAGE / icon["src"].removeprefix("/app/")).is_file()
