"""The page and the server must agree on which questions are shown."""

import json
import random
from typing import Any

import pytest
from playwright.sync_api import Page
from pydantic import TypeAdapter

from content.conditions import Condition, holds

pytestmark = pytest.mark.browser


def test_conditions_mean_the_same_on_the_phone_and_on_the_server(page: Page, address: str) -> None:
    cases = [some_case(random.Random(seed)) for seed in range(400)]
    parse = TypeAdapter[Condition](Condition).validate_python
    expected = [holds(parse(condition), answers, {}) for condition, answers in cases]
    page.goto(f"{address}/app/")
    got = page.evaluate(
        """async (cases) => {
          const { holds } = await import('/app/conditions.js');
          return cases.map(([condition, answers]) => holds(condition, answers));
        }""",
        cases,
    )
    pairs = zip(cases, got, expected, strict=True)
    assert [json.dumps(case) for case, here, there in pairs if here != there] == []
    assert {True, False} == set(expected)


SOME = [0, 1, 40, 69.5, 70, True, False, "", "a", "b", "10:30"]


def some_case(rng: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    answers = {name: rng.choice([*SOME[:7], *SOME[8:], ["a"], ["a", "b"]]) for name in "wxyz"}
    for name in rng.sample("wxyz", rng.randrange(3)):
        del answers[name]
    return some_condition(rng, depth=rng.randrange(3)), answers


def some_condition(rng: random.Random, *, depth: int) -> dict[str, Any]:
    if depth > 0:
        shape = rng.choice(["all", "any", "not"])
        parts = [some_condition(rng, depth=depth - 1) for _ in range(rng.randrange(1, 4))]
        return {shape: parts[0] if shape == "not" else parts}
    op = rng.choice(["eq", "ne", "lt", "le", "gt", "ge", "in", "answered"])
    if op == "answered":
        return {"item": rng.choice("wxyz"), "op": op}
    value: Any = rng.sample(SOME, 3) if op == "in" else rng.choice(SOME)
    return {"item": rng.choice("wxyz"), "op": op, "value": value}
