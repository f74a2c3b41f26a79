import io
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.artifact import MANIFEST, ArtifactError, _digest, dumps, loads, version_of
from models.receptivity import Receptivity

HOURS = np.tile(np.arange(8.0, 22.0, 0.5), (6, 1))
WHO = ["p0", "p1", "p2", "p3", "p4", "new"]


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    person = np.repeat([f"p{i}" for i in range(5)], 80)
    X = np.column_stack([rng.choice(HOURS[0], 400), rng.integers(0, 2, 400)])
    y = rng.random(400) < np.where(X[:, 0] > 15, 0.9, 0.4)
    fitted = Receptivity(rank=6).fit(X, y, person=person, day=np.tile(np.arange(80) // 4, 5))
    return fitted.partial_fit(X[:9], y[:9], person=["p4"] * 9)


@pytest.fixture(scope="module")
def data(model):
    return dumps(model, {"trained_on": 400, "notes": ["x", None]})


def members(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rebuilt(parts, manifest=None):
    """An archive with a valid digest, so that only what the test broke is broken."""
    parts = dict(parts)
    text = json.loads(parts.pop(MANIFEST)) if manifest is None else manifest
    parts.pop(MANIFEST, None)
    text.pop("sha256", None)
    text["sha256"] = _digest(text, parts)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(MANIFEST, json.dumps(text))
        for name, raw in parts.items():
            archive.writestr(name, raw)
    return buffer.getvalue()


def npy(array, *, allow_pickle=False):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def test_a_round_trip_gives_equal_predictions(model, data):
    copy, metadata = loads(data)
    assert metadata == {"trained_on": 400, "notes": ["x", None]}
    assert copy.get_params() == model.get_params()
    for method in ("slot_scores", "predict_proba"):
        expected = getattr(model, method)(HOURS, [0, 1, 0, 1, 0, 1], WHO)
        actual = getattr(copy, method)(HOURS, [0, 1, 0, 1, 0, 1], WHO)
        np.testing.assert_allclose(actual, expected, atol=1e-12)


def test_an_artifact_from_before_context_was_learned_still_loads(model, data):
    parts = members(data)
    for name in ("effects", "means", "zones", "boost"):
        del parts[f"{name}.npy"]
    for name in ("seen", "answered", "offset", "level"):  # as they were kept then
        parts[f"{name}.npy"] = npy(np.load(io.BytesIO(parts[f"{name}.npy"])).astype(np.float64))
    manifest = json.loads(members(data)[MANIFEST])
    old = ("length", "rank", "day_type_correlation", "half_life", "person_cap", "optimism")
    manifest["params"] = {name: manifest["params"][name] for name in old}
    copy, _ = loads(rebuilt(parts, manifest))
    assert copy.get_params() == model.get_params()
    np.testing.assert_allclose(
        copy.slot_scores(HOURS, [0, 1, 0, 1, 0, 1], WHO),
        model.slot_scores(HOURS, [0, 1, 0, 1, 0, 1], WHO),
        atol=1e-6,
    )


def test_a_loaded_model_goes_on_learning(data):
    copy, _ = loads(data)
    before = copy.slot_scores(HOURS[:1], [0], ["p1"])
    copy.partial_fit(np.tile([9.0, 0.0], (30, 1)), np.zeros(30), person=["p1"] * 30)
    assert not np.allclose(copy.slot_scores(HOURS[:1], [0], ["p1"]), before)


def test_an_empty_model_makes_the_round_trip():
    empty = Receptivity().fit(np.empty((0, 2)), [], person=[])
    copy, _ = loads(dumps(empty, {}))
    chance = empty.predict_proba([[9.0]], [0], ["a"])
    np.testing.assert_array_equal(copy.predict_proba([[9.0]], [0], ["a"]), chance)


def test_equal_models_give_equal_bytes_and_versions(model, data):
    again = dumps(loads(data)[0], {"notes": ["x", None], "trained_on": 400})
    assert again == data
    assert version_of(again) == version_of(data)
    assert len(version_of(data)) == 12
    assert version_of(b"") == "e3b0c44298fc"


def test_other_metadata_give_another_version(model, data):
    assert version_of(dumps(model, {})) != version_of(data)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9))
def test_a_truncated_artifact_is_refused(data, at):
    with pytest.raises(ArtifactError):
        loads(data[: at % len(data)])


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_garbage_is_refused(garbage):
    with pytest.raises(ArtifactError, match="not an artifact"):
        loads(garbage)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**9), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_harmless(data, at, flip):
    broken = bytearray(data)
    broken[at % len(data)] ^= flip
    try:
        copy, metadata = loads(bytes(broken))
    except ArtifactError:
        return
    # Zip holds fields nobody reads (dates, attributes); whatever is read must be unchanged.
    assert metadata == {"trained_on": 400, "notes": ["x", None]}
    for name, array in loads(data)[0].to_arrays().items():
        np.testing.assert_array_equal(copy.to_arrays()[name], array)


def test_a_changed_number_is_refused_by_its_digest(data):
    parts = members(data)
    original = np.load(io.BytesIO(parts["population.npy"]))
    parts["population.npy"] = npy(original + 1.0)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, raw in parts.items():
            archive.writestr(name, raw)
    with pytest.raises(ArtifactError, match="sha256"):
        loads(buffer.getvalue())


def test_another_schema_is_refused_by_name(data):
    manifest = json.loads(members(data)[MANIFEST]) | {"schema": "welltimed-artifact/2"}
    with pytest.raises(ArtifactError, match=r"schema: must be welltimed-artifact/1, got 'wellt"):
        loads(rebuilt(members(data), manifest))


def test_another_class_is_refused(data):
    manifest = json.loads(members(data)[MANIFEST]) | {"class": "Popen"}
    with pytest.raises(ArtifactError, match="class: must be Receptivity or Relevance, got 'Popen'"):
        loads(rebuilt(members(data), manifest))


def test_a_pickled_member_is_refused_unopened(data):
    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was opened",))

    parts = members(data) | {"persons.npy": npy(np.array([Bomb()]), allow_pickle=True)}
    with pytest.raises(ArtifactError, match=r"persons\.npy: cannot be read as a plain array"):
        loads(rebuilt(parts))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_member_with_nan_is_refused(data, bad):
    parts = members(data) | {"population.npy": npy(np.full(96, bad))}
    with pytest.raises(ArtifactError, match=r"population\.npy: holds values that are not finite"):
        loads(rebuilt(parts))


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("population.npy", np.zeros(95), r"population: must have shape \(96,\)"),
        ("seen.npy", np.zeros((5, 96)), "answered: must lie between 0 and seen"),
        ("zones.npy", np.full((5, 96), 200.0), "zones: must be whole numbers below 70"),
        ("boost.npy", np.zeros(5), "boost: must be at least 1"),
        ("effects.npy", np.zeros(20), r"effects: must have shape \(21,\)"),
        ("scales.npy", np.zeros(2), "scales: must not be negative"),
        ("persons.npy", np.array(["a"] * 5), "persons: must be distinct strings"),
        ("basis.npy", np.float64(1.0), "basis: must have shape"),
        ("level.npy", np.array([1j]), "level.npy: must be numbers or strings"),
    ],
)
def test_state_that_no_fit_produces_is_refused(data, name, array, message):
    with pytest.raises(ArtifactError, match=message):
        loads(rebuilt(members(data) | {name: npy(array)}))


def test_a_missing_member_is_named(data):
    parts = members(data)
    del parts["basis.npy"]
    with pytest.raises(ArtifactError, match="arrays: basis is missing"):
        loads(rebuilt(parts))


@pytest.mark.parametrize(
    "params", [{"lenght": 1.0}, {"rank": "ten"}, {"rank": 99}, {"length": [1]}, []]
)
def test_parameters_that_do_not_exist_or_fit_are_refused(data, params):
    manifest = json.loads(members(data)[MANIFEST]) | {"params": params}
    with pytest.raises(ArtifactError):
        loads(rebuilt(members(data), manifest))


def test_an_archive_without_a_manifest_is_refused():
    buffer = io.BytesIO()
    np.savez(buffer, a=np.zeros(3))
    with pytest.raises(ArtifactError, match=r"manifest.json: is missing"):
        loads(buffer.getvalue())


@pytest.mark.parametrize("metadata", [{"a": float("nan")}, {"a": object()}, {"a": {1, 2}}])
def test_metadata_that_is_not_json_is_refused(model, metadata):
    with pytest.raises(ArtifactError, match="metadata: must be JSON"):
        dumps(model, metadata)


def test_a_model_with_nan_is_never_written(data):
    broken, _ = loads(data)
    broken.population_[3] = np.nan
    with pytest.raises(ArtifactError, match="population: holds values that are not finite"):
        dumps(broken, {})
