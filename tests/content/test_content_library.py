import json

import pytest
import yaml
from content_documents import document

from content.library import Library, UnknownContent, UnknownContentVersion, public_view
from content.loading import ContentRefused

BUILTIN = Library.builtin()

# A stored answer names version and fingerprint. If one of these changes, raise the version of the
# content and write the new pair here.
FINGERPRINTS = {
    "ba.plan-tomorrow@1.0.0": "0b74bab4b2d67a303fc41949cc62fc8e4b1d6285d6ce2e4c2cc5a7032c056b81",
    "cbt.thought-record@1.0.0": "e2a0bbc5b21aa372fd3b739f34d54173f496352772a5ca450e16c24ff76a2988",
    "checkin.momentary@1.0.0": "75ad408d2b4b92c1a7d3ef44e2ee61620dc38a9bacddd05133e924a5d8073017",
    "phq9@1.0.0": "bf8f05744feb9198d3eef33ed456d4a1c32a6ec36122519307088d70b68ae803",
}


def test_the_shipped_content_is_what_its_versions_promise():
    assert {f"{item.id}@{item.version}": item.sha256 for item in BUILTIN} == FINGERPRINTS


def test_the_shipped_library_is_read_once():
    assert Library.builtin() is BUILTIN


def test_all_shipped_content_states_its_licence():
    for item in BUILTIN:
        assert item.licence.spdx
        assert item.licence.holder
        assert not item.licence.restricted


def test_ids_membership_iteration_and_length_agree():
    assert BUILTIN.ids() == tuple(item.id for item in BUILTIN)
    assert len(BUILTIN) == 4
    assert all(name in BUILTIN for name in BUILTIN.ids())
    assert "gad7" not in BUILTIN
    assert 5 not in BUILTIN


def test_every_phq_item_offers_not_at_all_as_nought():
    phq = BUILTIN.get("phq9")
    frequency = ["Not at all", "Several days", "More than half the days", "Nearly every day"]
    for item in phq.items[:9]:
        assert [option.text for option in item.options] == frequency
        assert [option.value for option in item.options] == [0, 1, 2, 3]
        assert [option.code for option in item.options] == ["0", "1", "2", "3"]
        assert item.required


def test_the_phq_carries_the_published_codes_and_its_notice():
    phq = BUILTIN.get("phq9")
    assert [item.loinc for item in phq.items] == [
        "44250-9", "44255-8", "44259-0", "44254-1", "44251-7", "44258-2", "44252-5", "44253-3",
        "44260-8", "69722-7",
    ]  # fmt: skip
    assert [option.loinc for option in phq.items[0].options] == [
        "LA6568-5",
        "LA6569-3",
        "LA6570-1",
        "LA6571-9",
    ]
    assert phq.scores[0].loinc == "44261-6"
    notice = phq.licence.notice
    assert "No permission required to reproduce, translate, display or distribute" in notice
    assert "Regenstrief" in notice


def test_the_functioning_item_is_optional():
    assert not BUILTIN.get("phq9").items[-1].required


def test_unknown_content_and_versions_are_named_with_what_is_known():
    with pytest.raises(UnknownContent, match=r"no content 'phq'; known: ba.plan-tomorrow, cbt"):
        BUILTIN.get("phq")
    with pytest.raises(UnknownContentVersion, match=r"'9.0.0' of 'phq9'; known: 1.0.0"):
        BUILTIN.get("phq9", "9.0.0")
    assert BUILTIN.get("phq9", "1.0.0") is BUILTIN.get("phq9")


def save(folder, name, **changes):
    (folder / name).write_text(yaml.safe_dump(document(**changes)))


def test_the_newest_version_is_given_unless_one_is_named(tmp_path):
    for number, version in enumerate(["1.9.0", "1.10.0", "1.2.0"]):
        save(tmp_path, f"{number}.yaml", version=version)
    library = Library.from_folder(tmp_path)
    assert library.get("test.all-types").version == "1.10.0"
    assert library.get("test.all-types", "1.2.0").version == "1.2.0"
    assert [item.version for item in library] == ["1.10.0"]
    assert library.ids() == ("test.all-types",)


def test_a_folder_with_faults_is_refused_with_all_of_them(tmp_path):
    save(tmp_path, "a.yaml", minutes=0)
    save(tmp_path, "b.yaml", title=5)
    with pytest.raises(ContentRefused) as refused:
        Library.from_folder(tmp_path)
    assert [fault.path for fault in refused.value.faults] == ["minutes", "title"]


def test_the_same_version_twice_is_refused(tmp_path):
    save(tmp_path, "a.yaml")
    save(tmp_path, "b.yaml", title="Another")
    with pytest.raises(ContentRefused, match=r"test.all-types 1.0.0 is there twice"):
        Library.from_folder(tmp_path)


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(NotADirectoryError, match="is not a folder"):
        Library.from_folder(tmp_path / "nowhere")


@pytest.mark.parametrize("name", BUILTIN.ids())
def test_the_public_view_is_json_and_keeps_rules_and_numbers_on_the_server(name):
    item = BUILTIN.get(name)
    text = json.dumps(public_view(item), allow_nan=False)
    view = json.loads(text)
    assert set(view) <= {
        "id", "version", "sha256", "kind", "language", "title", "why", "instruction", "minutes",
        "items",
    }  # fmt: skip
    assert view["sha256"] == item.sha256
    assert [one["id"] for one in view["items"]] == [one.id for one in item.items]
    for one in view["items"]:
        assert "loinc" not in one
        assert all(set(option) == {"code", "text"} for option in one.get("options", []))
    if item.safety:
        assert item.safety.risk[0].text[:30] not in text


def test_the_public_view_holds_what_is_needed_to_branch_and_to_draw():
    items = {one["id"]: one for one in public_view(BUILTIN.get("ba.plan-tomorrow"))["items"]}
    assert items["obstacle"]["show_if"] == {"item": "likely", "op": "lt", "value": 70}
    assert items["likely"] == {
        "id": "likely",
        "type": "slider",
        "ask": "How likely is it that you will do it?",
        "required": True,
        "min": 0,
        "max": 100,
        "step": 5,
        "ends": ["not at all likely", "certain"],
        "unit": "%",
    }
