"""The project's texts are held to the code: links, commands, examples, keys, words."""

import functools
import hashlib
import json
import re
import shlex
from collections.abc import Iterator
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
import typer
from pydantic import BaseModel

from api.cli.root import app
from api.routes.device import NewDevice, ResponseBody
from content import conditions, elements
from content.item import ContentItem
from content.library import Library
from content.loading import load_content
from engine.assignment import Assignment, Bursts, Dates, Fade, Limits, Phase
from engine.draws import draw, uniform
from engine.planning import PROMPTS, prompt_id
from engine.protocol import ProtocolFaults, StudyProtocol, load_protocol
from engine.settings import Settings
from engine.triggers import TRIGGERS, MissedCondition, ReportCondition, ValueCondition

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
OTHERS = [
    ROOT / "Makefile", ROOT / "pyproject.toml", ROOT / ".ci/run", ROOT / "docs/picture.svg",
    *sorted((ROOT / "requirements").glob("*.txt")),
]  # fmt: skip
KNOWN_HOSTS = {
    "127.0.0.1:8000", "keepachangelog.com", "semver.org", "www.rfc-editor.org", "www.w3.org",
}  # fmt: skip
FOREIGN = {
    "a path of one machine": r"(?<![\w.<])/(?:work|root|home|tmp)/",
    "an issue by number": r"(?<![\w&/])#\d+\b(?!;)",
    "a package index": r"--(?:extra-)?index-url|\bartifactory\b|/simple/?\b",
}
BY_NAME = {page.relative_to(ROOT).as_posix(): page for page in PAGES}


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Yield language and text of each fenced block."""
    yield from re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)


def examples(schema: str) -> list[tuple[str, str]]:
    """Return (page, text) of each YAML example of this schema."""
    found = [
        (name, text)
        for name, page in BY_NAME.items()
        for language, text in blocks(page)
        if language == "yaml" and f"schema: {schema}\n" in text
    ]
    assert found
    return found


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as forges make them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", BY_NAME)
def test_every_link_leads_somewhere(name: str) -> None:
    page = BY_NAME[name]
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if target.startswith(("http://", "https://")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("file", [*PAGES, *OTHERS], ids=lambda file: file.name)
def test_no_text_speaks_of_one_machine_or_of_unknown_hosts(file: Path) -> None:
    text = file.read_text("utf-8")
    for what, pattern in FOREIGN.items():
        assert (found := re.search(pattern, text)) is None, f"{what}: {found}"
    hosts = set(re.findall(r"\bhttps?://([^/\s)>\"'`]+)", text))
    assert {host for host in hosts if "$" not in host} <= KNOWN_HOSTS


def invocations() -> list[tuple[str, str]]:
    """Return (page, command line) of each `welltimed ...` in code."""
    found = []
    for name, page in BY_NAME.items():
        text = page.read_text("utf-8")
        lines = [line for _, block in blocks(page) for line in block.splitlines()]
        spans = re.findall(
            r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)
        )
        for line in [*lines, *spans]:
            match = re.match(r"(?:\.venv/bin/)?welltimed ([a-z-].*)", line.strip())
            if match:
                found.append((name, match[1]))
    assert len(found) > 10
    return found


@pytest.mark.parametrize(("name", "line"), invocations())
def test_every_command_named_in_the_texts_exists_with_its_options(name: str, line: str) -> None:
    command: Any = typer.main.get_command(app)
    words = shlex.split(line)
    while hasattr(command, "commands"):
        assert words, f"{name}: {line} is no whole command"
        assert words[0] in command.commands, f"{name}: {line}"
        command = command.commands[words.pop(0)]
    options = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= options, f"{name}: {line}"


def test_every_command_is_named_somewhere_in_the_texts() -> None:
    told = {line for _, line in invocations()}
    command: Any = typer.main.get_command(app)
    for name, one in command.commands.items():
        for part in getattr(one, "commands", [""]):
            assert any(line.startswith(f"{name} {part}".strip()) for line in told), (name, part)


def test_every_make_target_named_in_the_texts_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    named = {
        target
        for page in PAGES
        for target in re.findall(r"(?:`|^)make ([a-z]+)", page.read_text("utf-8"), re.M)
    }
    assert {"demo", "test", "check"} <= named <= targets


@pytest.mark.parametrize(("name", "text"), examples("welltimed-protocol/1"))
def test_protocols_in_the_texts_are_taken_or_refused_as_said(name: str, text: str) -> None:
    known = Library.builtin().ids()
    if not text.startswith("# refused"):
        assert load_protocol(text, known_content=known).assignments
        return
    with pytest.raises(ProtocolFaults) as refused:
        load_protocol(text, known_content=known)
    told = [block for language, block in blocks(BY_NAME[name]) if language == "text"]
    assert [f"{fault.path}: {fault.message}\n" for fault in refused.value.faults] == told[
        0
    ].splitlines(keepends=True)


@pytest.mark.parametrize(("name", "text"), examples("welltimed-content/1"))
def test_content_in_the_texts_is_sound(name: str, text: str) -> None:
    assert load_content(name, text.encode()).items


def json_examples() -> list[tuple[str, Any]]:
    return [
        (name, json.loads(text))
        for name, page in BY_NAME.items()
        for language, text in blocks(page)
        if language == "json"
    ]


def test_request_bodies_in_the_texts_are_what_the_api_takes() -> None:
    bodies = [body for name, body in json_examples() if name == "docs/patients.md"]
    enrolments = [NewDevice.model_validate(body) for body in bodies if "code" in body]
    answers = [ResponseBody.model_validate(body) for body in bodies if "answers" in body]
    assert len(enrolments) == 1
    assert [answer.content_id for answer in answers] == ["checkin.momentary"]


def keys_of(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


@pytest.mark.parametrize(
    ("page", "models"),
    [
        ("docs/protocol-format.md", [
                StudyProtocol, Assignment, Bursts, Dates, Fade, Limits, Phase, *TRIGGERS.values(),
                ValueCondition, ReportCondition, MissedCondition,
            ]),
        (
            "docs/content-format.md",
            [
                ContentItem, *elements.ITEM_MODELS.values(), elements.Option, elements.Licence,
                elements.Therapy, elements.Score, elements.Band, elements.Feedback,
                elements.Risk, elements.Safety, conditions.Comparison, conditions.AllOf,
                conditions.AnyOf, conditions.Not,
            ],
        ),
    ],
)  # fmt: skip
def test_the_format_pages_name_every_key_of_the_models(
    page: str, models: list[type[BaseModel]]
) -> None:
    text = BY_NAME[page].read_text("utf-8")
    code = " ".join(re.findall(r"`([^`\n]+)`", text))
    words = set(re.findall(r"[a-z_]+", code))
    assert set().union(*map(keys_of, models)) - words == set()


def test_the_admins_page_names_every_setting() -> None:
    text = BY_NAME["docs/admins.md"].read_text("utf-8")
    missing = [name for name in Settings.model_fields if f"WELLTIMED_{name.upper()}" not in text]
    assert missing == []


def glossary() -> list[tuple[str, str]]:
    rows = re.findall(
        r"^\| ([^|]+) \| ([^|]*)\| [^|]+ \|$", (ROOT / "GLOSSARY.md").read_text(), re.M
    )
    return [(word, identifier.strip().strip("`")) for word, identifier in rows[1:]]


def test_the_glossary_is_sorted_and_complete() -> None:
    words = [word for word, _ in glossary()]
    assert words == sorted(words)
    assert {"protocol", "window", "slot", "propensity", "compliance", "lease"} <= set(words)


@pytest.mark.parametrize(("word", "identifier"), [pair for pair in glossary() if pair[1]])
def test_every_identifier_of_the_glossary_exists(word: str, identifier: str) -> None:
    parts = identifier.split(".")
    names = [".".join(parts[:length]) for length in range(1, len(parts))]
    module = next(name for name in reversed(names) if _is_module(name))
    inside = parts[module.count(".") + 1 :]
    found: Any = import_module(module)
    for part in inside:
        fields = {*getattr(found, "__annotations__", {}), *getattr(found, "model_fields", {})}
        assert hasattr(found, part) or part in fields, identifier
        found = getattr(found, part, None)


@functools.cache
def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


def test_the_worked_example_of_a_draw_comes_out_by_the_recipe_and_by_the_code() -> None:
    text = BY_NAME["docs/promises.md"].read_text("utf-8")
    key = uuid5(PROMPTS, "00000000-0000-0000-0000-000000000000/checkin.momentary/2027-03-28/0")
    digest = hashlib.sha256(f"welltimed-draw/1|7|{key}|slot".encode()).hexdigest()
    number = (int(digest[:16], 16) >> 11) / 2**53
    assert key == prompt_id(UUID(int=0), "checkin.momentary", date(2027, 3, 28), 0)
    assert str(PROMPTS) in text
    for told in (key, digest[:16], int(digest[:16], 16), int(digest[:16], 16) >> 11, number):
        assert str(told) in text
    assert number == uniform(7, key, "slot")
    assert draw(7, key, "slot", [1 / 12] * 12) == 1
