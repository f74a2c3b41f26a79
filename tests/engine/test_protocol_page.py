"""The page of the format against the code: its whole example, its ten designs, its messages."""

import re
from pathlib import Path

import pytest

from content.library import Library
from engine import assignment, triggers
from engine.protocol import ProtocolFaults, StudyProtocol, dump_protocol, load_protocol
from engine.triggers import ProtocolPart

PAGE = (Path(__file__).parents[2] / "docs" / "protocol-format.md").read_text("utf-8")
VOCABULARY = Library.builtin().vocabulary()
HEAD = "schema: welltimed-protocol/1\nname: A design\n"
REFUSED = re.findall(
    r"^### \d+\. (.+?)\n\n```yaml\n(.+?)```\n\n```text\n(.+?)```$", PAGE, re.M | re.S
)
EVERYTHING = re.search(r"^## One that uses everything\n\n```yaml\n(.+?)```$", PAGE, re.M | re.S)
PARTS = {
    part
    for module in (triggers, assignment)
    for part in vars(module).values()
    if isinstance(part, type) and issubclass(part, ProtocolPart) and part is not ProtocolPart
}


def test_ten_designs_are_shown():
    assert len(REFUSED) == len({title for title, _, _ in REFUSED}) == 10


@pytest.mark.parametrize(("title", "design", "told"), REFUSED, ids=[one[0] for one in REFUSED])
def test_a_design_on_the_page_is_refused_with_the_messages_on_the_page(title, design, told):
    with pytest.raises(ProtocolFaults) as refused:
        load_protocol(HEAD + design, known_content=VOCABULARY)
    assert [f"{one.path}: {one.message}" for one in refused.value.faults] == told.splitlines()


def test_the_whole_example_uses_every_kind_of_trigger_and_every_key():
    assert EVERYTHING is not None
    protocol = load_protocol(EVERYTHING[1], known_content=VOCABULARY)
    assert {one.trigger.kind for one in protocol.assignments} == set(triggers.TRIGGERS)
    written = set(re.findall(r"\b([a-z_]+):", EVERYTHING[1]))
    keys = {
        field.alias or name
        for part in (*PARTS, StudyProtocol)
        for name, field in part.model_fields.items()
    }
    assert keys - written == {"item"}  # a condition names a score or an item
    assert load_protocol(str(dump_protocol(protocol)), known_content=VOCABULARY) == protocol
