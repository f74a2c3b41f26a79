import re

import pytest
import yaml
from content_documents import document, unhurried
from hypothesis import given
from hypothesis import strategies as st

from content.check import check_path
from content.loading import ContentRefused, load_content
from content.reading import LARGEST_BYTES, DocumentRefused, read_document

SOUND = yaml.safe_dump(document(), sort_keys=False)
HEAD = """\
schema: welltimed-content/1
id: test.mood
version: 1.0.0
kind: log
language: en
title: Mood
minutes: 1
licence: {spdx: Apache-2.0, holder: The Welltimed project, source: Written for tests.}
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="a.yaml"):
        file = tmp_path / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    return write


def only(report):
    assert not report.ok
    assert report.items == []
    (fault,) = report.errors
    return fault


def test_a_sound_file_is_ok_and_named(write):
    report = check_path(write(SOUND))
    assert (report.ok, report.errors, report.items) == (True, [], ["test.all-types"])


def test_a_fault_deep_inside_has_a_readable_path_its_line_and_what_is_allowed(write):
    text = HEAD + (
        "items:\n"
        "  - {id: a, type: slider, ask: A}\n"
        "  - {id: b, type: slider, ask: B}\n"
        "  - id: c\n"
        "    type: choice\n"
        "    ask: C\n"
        "    options:\n"
        "      - {code: 'a b', text: A}\n"
        "      - {code: b, text: B}\n"
    )
    file = write(text)
    fault = only(check_path(file))
    assert fault.path == "items[2].options[0].code"
    assert fault.line == 16
    assert "letters, digits" in fault.message
    assert str(fault) == f"{file}:16: items[2].options[0].code: {fault.message}"


def test_all_faults_are_reported_in_the_order_of_the_file(write):
    text = HEAD.replace("minutes: 1", "minutes: many") + (
        "items:\n"
        "  - {id: a, type: slider, ask: A, stepp: 5}\n"
        "  - {id: b, type: sliding, ask: B}\n"
        "  - {id: c, type: text}\n"
        "scores: total\n"
    )
    report = check_path(write(text))
    assert [fault.path for fault in report.errors] == [
        "minutes",
        "items[0].stepp",
        "items[1].type",
        "scores",
    ]
    messages = [fault.message for fault in report.errors]
    assert messages[0] == "must be a whole number"
    assert "allowed here: id, ask, required" in messages[1]
    assert "must be one of choice, multi, slider" in messages[2]
    assert messages[3] == "must be a list"


@pytest.mark.parametrize(
    ("place", "key", "known"),
    [
        ("licence", "copyright", "spdx, holder, source"),
        ("feedback", "if", "when, text"),
        ("scores", "sum", "id, kind, items"),
        ("", "tags", "schema, id, version"),
    ],
)
def test_an_unknown_key_is_answered_with_the_known_ones(write, place, key, known):
    sound = document(
        scores=[{"id": "x", "kind": "sum", "items": ["stress"]}],
        feedback=[{"text": "Done."}],
    )
    target = sound[place] if place else sound
    (target[0] if isinstance(target, list) else target)[key] = "x"
    fault = only(check_path(write(yaml.safe_dump(sound))))
    assert fault.message.startswith("is not a known key; allowed here: " + known)


def test_an_unknown_key_in_a_condition_is_answered_with_the_known_ones(write):
    text = HEAD + (
        "items:\n"
        "  - {id: a, type: slider, ask: A}\n"
        "  - {id: b, type: slider, ask: B, show_if: {all: [{item: a, op: ge, val: 3}]}}\n"
    )
    paths = {fault.path: fault.message for fault in check_path(write(text)).errors}
    assert "allowed here: item, score, op, value" in paths["items[1].show_if.all[0].val"]


@pytest.mark.parametrize(
    ("old", "new", "path", "explained"),
    [
        ("language: en", "language: no", "language", "unquoted no as yes/no (true/false)"),
        ("title: Mood", "title: yes", "title", 'for text write "yes"'),
        ("title: Mood", "title: 10:30", "title", "unquoted 10:30 as the number 630"),
        ("title: Mood", "title:", "title", "unquoted nothing as no value"),
        ("version: 1.0.0", "version: 1.0", "version", 'for text write "1.0"'),
        ("minutes: 1", "minutes: 10:30", "minutes", "the number 630"),
    ],
)
def test_what_yaml_makes_of_unquoted_words_is_explained(write, old, new, path, explained):
    text = HEAD.replace(old, new) + "items: [{id: a, type: slider, ask: A}]\n"
    fault = only(check_path(write(text)))
    assert fault.path == path
    assert explained in fault.message


def test_an_unquoted_no_among_options_is_explained(write):
    text = HEAD + (
        "items:\n"
        "  - {id: a, type: choice, ask: A, options: [{code: no, text: 'No'}, {code: b, text: B}]}\n"
    )
    fault = only(check_path(write(text)))
    assert fault.path == "items[0].options[0].code"
    assert 'for text write "no"' in fault.message


def test_an_unquoted_time_in_a_condition_is_explained(write):
    text = HEAD + (
        "items:\n"
        "  - {id: a, type: time, ask: A}\n"
        "  - {id: b, type: time, ask: B, show_if: {item: a, op: ge, value: 22:15}}\n"
    )
    fault = only(check_path(write(text)))
    assert fault.path == "items[1].show_if.value"
    assert "the number 1335" in fault.message


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
CHAIN = "a0: &a0 x\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 60))


@pytest.mark.parametrize(
    ("text", "line", "because"),
    [
        ("a: 1\nb: [1, 2\n", 3, "not valid YAML"),
        ("a: 1\n  b: 2\n", 2, "not valid YAML"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("a: 1\na: 2\n", 2, "'a' is given twice"),
        ("a:\n  - {b: 1, b: 2}\n", 2, "'b' is given twice"),
        ("a: 1\nno: 2\n", 2, 'for text write "no"'),
        ("a: 1\n2: 2\n", 2, "a key must be text"),
        ("a: 1\n? [x]\n: 2\n", 2, "a key must be text"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n", 3, "merge key"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]\n", 2, "tags"),
        ("a: 1\nb: !!int seven\n", 2, "tags"),
        ("a: 1\nb: *nowhere\n", 2, "undefined alias"),
        ("a: &x [1, *x]\n", 1, "contains itself"),
        ("a: 1\nb: 0x_\n", 2, "is not a number"),
        ("a: 1\n---\nb: 1\n", 2, "not valid YAML"),
        ("a: 1\nb: \x07\n", 2, "character that YAML does not allow"),
        (b"a: 1\nb: \xff\n", 2, "not UTF-8"),
        ("", None, "is empty"),
        ("# nothing\n", None, "is empty"),
        ("- a\n", 1, "must be a mapping"),
        ("just words\n", 1, "must be a mapping"),
        (BOMB, None, "expands to more than"),
        (CHAIN, None, "levels"),
        ("a: " + "[" * 5000, 1, "levels deep"),
        ("a: " + "{not: " * 5000, 1, "levels deep"),
        ("a: " + "9" * 5000 + "\n", 1, "is not a number"),
        ("# " + "x" * LARGEST_BYTES, None, "larger than 256 KiB"),
    ],
)
def test_yaml_that_cannot_be_trusted_is_refused_with_its_line(write, text, line, because):
    fault = only(check_path(write(text)))
    assert because in fault.message
    if line is not None:
        assert fault.line == line


def test_a_syntax_error_says_the_line_in_its_message_too(write):
    assert only(check_path(write("a: 1\nb: [1, 2\n"))).message.startswith("line 3: ")


def test_an_alias_used_in_moderation_is_fine():
    assert read_document(b"a: &x [1, 2]\nb: *x\n").data == {"a": [1, 2], "b": [1, 2]}


def test_a_date_stays_text_as_the_format_has_no_dates():
    assert read_document(b"a: 2026-02-31\nb: 2026-01-01\n").data == {
        "a": "2026-02-31",
        "b": "2026-01-01",
    }


def test_a_folder_is_checked_whole_and_keeps_what_is_sound(tmp_path, write):
    write(SOUND)
    (tmp_path / "more").mkdir()
    write("title: x\n", "more/b.yml")
    write("not content", "readme.txt")
    report = check_path(tmp_path)
    assert not report.ok
    assert report.items == ["test.all-types"]
    assert {fault.file for fault in report.errors} == {str(tmp_path / "more" / "b.yml")}
    assert {"schema", "id", "licence"} <= {fault.path for fault in report.errors}


def test_the_same_id_and_version_in_two_files_is_a_fault(tmp_path, write):
    write(SOUND, "a.yaml")
    write(SOUND, "b.yaml")
    (fault,) = check_path(tmp_path).errors
    assert (fault.file, fault.path) == (str(tmp_path / "b.yaml"), "version")
    write(SOUND.replace("version: 1.0.0", "version: 1.0.1"), "b.yaml")
    assert check_path(tmp_path).ok


def test_a_missing_path_and_an_empty_folder_are_faults(tmp_path):
    assert "cannot be read" in only(check_path(tmp_path / "nowhere.yaml")).message
    assert "holds no .yaml" in only(check_path(tmp_path)).message


def test_the_shipped_content_passes_its_own_check():
    report = check_path("content/items")
    assert report.errors == []


def outcome(function, refusal, *arguments):
    """Return what the function returns or the refusal it raises; any other exception passes."""
    try:
        return function(*arguments)
    except refusal as refused:
        return refused


def faults_in(result):
    return result.faults if isinstance(result, ContentRefused) else ()


PIECES = st.sampled_from(
    [
        *("a", "no", "~", "10:30", "0x_", "1e999", ".nan", "2026-01-01", "<<"),
        *("&x ", "*x", "!!", "? ", ": ", "- ", "[", "]", "{", "}", ",", "'", '"', "#"),
        *("|", ">", "---", "...", "%", "\n", "\n  ", "\t"),
    ]
)


@unhurried
@given(st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=40))
def test_any_text_is_either_read_or_refused(text):
    raw = text.encode("utf-8", "surrogatepass")
    assert outcome(read_document, DocumentRefused, raw) is not None


@unhurried
@given(st.binary(max_size=60))
def test_any_bytes_are_either_read_or_refused(raw):
    assert outcome(read_document, DocumentRefused, raw) is not None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["a", "choice", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "id", "all", "not", "item", "op", "value", "options", "when"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)


@unhurried
@given(st.sampled_from([*document(), "scores", "feedback", "safety", "therapy", "why"]), VALUES)
def test_any_value_at_any_key_is_either_content_or_faults_with_paths(key, value):
    raw = yaml.safe_dump(document(**{key: value})).encode()
    result = outcome(load_content, ContentRefused, "x.yaml", raw)
    assert all(fault.path.startswith(key) and fault.line for fault in faults_in(result))


@unhurried
@given(VALUES, st.sampled_from(["show_if", "options", "ask", "min", "required", "type"]))
def test_any_value_inside_an_item_is_either_content_or_faults_with_paths(value, key):
    items = [
        {"id": "first", "type": "yesno", "ask": "First?"},
        {"id": "a", "type": "slider", "ask": "A?", key: value},
    ]
    raw = yaml.safe_dump(document(items=items)).encode()
    for fault in faults_in(outcome(load_content, ContentRefused, "x.yaml", raw)):
        assert re.match(r"items\[1\]\.\w+[\w.\[\]]*$", fault.path)
        assert not re.search(r"\.(str|int|float|bool)$", fault.path)
