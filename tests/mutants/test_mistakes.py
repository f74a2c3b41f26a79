"""Mistakes planted on purpose: a sample of them is caught here, all of them by `make mutants`.

The rest holds the tables to the code, so that mistakes do not rot: their text is still there, once,
and the test each names exists and passes without the mistake.
"""

import subprocess
import sys
from dataclasses import replace

import pytest
from catching import judge, observe
from mistakes import ROOT, Mistake, NotThereOnce, all_mistakes, named

SAMPLE = (
    "a time that happens twice means its second",
    "a fault of the message costs the phone",
    "the breaker heeds answers from before it opened",
    "an older claim passes for the newest",
)
HARMLESS = replace(
    named("the first instant too late still counts as in time"),
    name="harmless",
    instead="    if expires_at <= now:",
)


def in_the_table(mistake: Mistake) -> str:
    """Return the line of the page that tells of a mistake."""
    node = mistake.test.partition("[")[0].rpartition("/")[2]
    return f"| {mistake.name} | {mistake.harm} | `{node}` |"


@pytest.mark.parametrize("mistake", all_mistakes(), ids=lambda mistake: mistake.name)
def test_the_text_of_each_mistake_is_there_once_and_its_change_means_something(
    mistake: Mistake,
) -> None:
    assert mistake.changes_meaning()


def test_there_are_thirty_mistakes_or_more_and_each_has_a_name_of_its_own() -> None:
    names = [mistake.name for mistake in all_mistakes()]
    assert len(names) >= 30
    assert len(set(names)) == len(names)


def test_the_page_on_proof_lists_each_mistake_with_its_harm_and_its_test() -> None:
    page = (ROOT / "docs/proof.md").read_text("utf-8")
    listed = set(page.partition("## Planted mistakes")[2].splitlines())
    assert {in_the_table(mistake) for mistake in all_mistakes()} - listed == set()
    assert sum(line.startswith("| ") for line in listed) == len(all_mistakes()) + 1


@pytest.mark.slow
def test_the_test_that_each_mistake_names_exists() -> None:
    wanted = {mistake.test for mistake in all_mistakes()}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-o", "addopts=", "-q"]
    files = sorted({test.partition("::")[0] for test in wanted})
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-n", "0", *files],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=True,
    )  # fmt: skip
    assert wanted - set(done.stdout.splitlines()) == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLE)
def test_a_planted_mistake_is_caught_by_its_test(name: str) -> None:
    catch = judge(named(name))
    assert catch.caught, f"{catch.mistake.told()}\n{catch.why}"


@pytest.mark.slow
def test_those_tests_pass_without_a_mistake() -> None:
    tests = {named(name).test for name in SAMPLE}
    seen = observe(tests)
    assert (seen.planted, seen.passed, seen.broken) == ([], tests, []), seen.output


def test_a_change_that_harms_nobody_is_not_called_caught() -> None:
    seen = judge(HARMLESS)
    assert not seen.caught
    assert seen.why == "the test passes all the same"


@pytest.mark.parametrize(
    ("instead", "why"),
    [
        ("    if now >= expires:", "NameError: the mistake breaks the module"),
        ("    if now >= expires_at", "failed outside the test"),
    ],
)
def test_a_change_that_only_breaks_the_module_is_not_called_caught(instead: str, why: str) -> None:
    seen = judge(replace(HARMLESS, instead=instead))
    assert not seen.caught
    assert why in seen.why


def test_a_mistake_whose_text_is_gone_is_told() -> None:
    gone = replace(HARMLESS, text="if now is too late:")
    with pytest.raises(NotThereOnce, match=r"0 times and not once"):
        gone.changes_meaning()
