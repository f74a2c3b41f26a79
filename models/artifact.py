"""Fitted models as bytes: versioned, checked, reproducible, and never pickled.

An artifact is a zip of NumPy arrays (an .npz that needs no pickle) with a manifest.json that
holds the schema, the class, its parameters, free metadata and a SHA-256 over all of it. Equal
models give equal bytes. An artifact holds person keys, so it is as confidential as they are.
"""

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from models.receptivity import Receptivity
from models.relevance import Relevance

SCHEMA = "welltimed-artifact/1"
MANIFEST = "manifest.json"
MAX_BYTES = 2**30  # unpacked; a small file must not unpack to more than a server can hold
_EPOCH = (1980, 1, 1, 0, 0, 0)

CLASSES: Mapping[str, type[Receptivity]] = MappingProxyType(
    {kind.__name__: kind for kind in (Receptivity, Relevance)}
)
"""The models that an artifact may hold, by the name in its manifest."""

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]
Arrays = dict[str, NDArray[np.generic]]


class ArtifactError(ValueError):
    """Says why bytes are not a usable artifact, or a model cannot become one."""


def dumps(model: Receptivity, metadata: Mapping[str, JSON]) -> bytes:
    """Return the artifact of a fitted model.

    Raises ArtifactError if model or metadata hold NaN or infinity, or metadata is not JSON;
    NotFittedError if the model was never fitted.
    """
    members: dict[str, bytes] = {}
    for name, array in model.to_arrays().items():
        _require_finite(name, array)
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
        members[f"{name}.npy"] = buffer.getvalue()
    manifest: dict[str, JSON] = {
        "schema": SCHEMA,
        "class": type(model).__name__,
        "params": model.get_params(),
        "metadata": dict(metadata),
    }
    try:
        manifest["sha256"] = _digest(manifest, members)
        text = _canonical(manifest)
    except (TypeError, ValueError) as error:
        raise ArtifactError(f"metadata: must be JSON without NaN ({error})") from error
    return _zip({MANIFEST: text, **members})


def loads(data: bytes) -> tuple[Receptivity, dict[str, JSON]]:
    """Return the model and the metadata that dumps was given.

    Raises ArtifactError with a reason for anything that dumps did not write.
    """
    members = _unzip(data)
    manifest = _manifest(members.pop(MANIFEST, None))
    if manifest.get("schema") != SCHEMA:
        raise ArtifactError(f"schema: must be {SCHEMA}, got {manifest.get('schema')!r}")
    claimed = manifest.pop("sha256", None)
    if claimed != _digest(manifest, members):
        raise ArtifactError("sha256: the content does not match; the artifact is damaged")
    kind = manifest.get("class")
    if not isinstance(kind, str) or kind not in CLASSES:
        raise ArtifactError(f"class: must be {' or '.join(CLASSES)}, got {kind!r}")
    params, metadata = manifest.get("params"), manifest.get("metadata")
    if not isinstance(params, dict) or not isinstance(metadata, dict):
        raise ArtifactError("params, metadata: must be JSON objects")
    arrays = {name.removesuffix(".npy"): _array(name, raw) for name, raw in members.items()}
    try:
        numbers = {name: value for name, value in params.items() if isinstance(value, int | float)}
        if len(numbers) != len(params):
            raise TypeError("every parameter must be a number")
        return CLASSES[kind].from_arrays(numbers, arrays), metadata
    except KeyError as error:
        raise ArtifactError(f"arrays: {error.args[0]} is missing") from error
    except (TypeError, ValueError) as error:
        raise ArtifactError(str(error)) from error


def version_of(data: bytes) -> str:
    """Return the version of an artifact: the first 12 hex digits of its SHA-256."""
    return hashlib.sha256(data).hexdigest()[:12]


def _canonical(value: Mapping[str, JSON]) -> bytes:
    return json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":")).encode()


def _digest(manifest: Mapping[str, JSON], members: Mapping[str, bytes]) -> str:
    """Return the SHA-256 over the manifest without its digest, and names and bytes of members."""
    total = hashlib.sha256(_canonical(manifest))
    for name in sorted(members):
        total.update(f"\n{name} {len(members[name])}\n".encode())
        total.update(members[name])
    return total.hexdigest()


def _zip(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, raw in members.items():
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)  # no clock: equal models, equal bytes
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, raw)
    return buffer.getvalue()


def _unzip(data: bytes) -> dict[str, bytes]:
    """Return the members of the archive, after checking that they fit into memory."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > MAX_BYTES:
                raise ArtifactError(f"size: must unpack to at most {MAX_BYTES} bytes")
            names = [entry.filename for entry in entries]
            if len(set(names)) != len(names):
                raise ArtifactError("members: a name occurs twice")
            return {entry.filename: archive.read(entry) for entry in entries}
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
        UnicodeDecodeError,
    ) as error:
        raise ArtifactError(f"not an artifact, or cut short ({error})") from error


def _manifest(raw: bytes | None) -> dict[str, JSON]:
    if raw is None:
        raise ArtifactError(f"{MANIFEST}: is missing; this is not an artifact")
    try:
        manifest = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{MANIFEST}: is not valid JSON ({error})") from error
    if not isinstance(manifest, dict):
        raise ArtifactError(f"{MANIFEST}: must be a JSON object")
    return manifest


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not allowed")


def _array(name: str, raw: bytes) -> NDArray[np.generic]:
    """Return one array; object arrays, which would need pickle, are refused."""
    try:
        array = np.lib.format.read_array(io.BytesIO(raw), allow_pickle=False)
    except (ValueError, EOFError, MemoryError, OverflowError) as error:
        raise ArtifactError(f"{name}: cannot be read as a plain array ({error})") from error
    _require_finite(name, array)
    return np.asarray(array)


def _require_finite(name: str, array: NDArray[np.generic]) -> None:
    if array.dtype.kind not in "fiuU":
        raise ArtifactError(f"{name}: must be numbers or strings, got {array.dtype}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ArtifactError(f"{name}: holds values that are not finite")
