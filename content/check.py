"""Checking files of content without loading them into anything."""

from dataclasses import dataclass
from pathlib import Path

from content.item import ContentItem
from content.library import yaml_files
from content.loading import ContentRefused, Fault, load_content
from content.reading import LARGEST_BYTES

__all__ = ["Fault", "Report", "check_path"]


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found: `ok` if there are no errors, and the ids of the sound content."""

    ok: bool
    errors: list[Fault]
    items: list[str]


def check_path(path: Path | str) -> Report:
    """Return the report on a file, or on all YAML files below a folder.

    Never raises for what it finds: a path that is missing or unreadable is a fault as well.
    """
    target = Path(path)
    found = yaml_files(target) if target.is_dir() else [target]
    errors: list[Fault] = []
    sound: list[tuple[Path, ContentItem]] = []
    for file in found:
        try:
            sound.append((file, load_content(str(file), _bytes(file))))
        except ContentRefused as refused:
            errors.extend(refused.faults)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            errors.append(Fault(str(file), "", f"cannot be read: {reason}"))
    if not found:
        errors.append(Fault(str(target), "", "holds no .yaml or .yml file"))
    errors.extend(_doubles(sound))
    return Report(not errors, errors, [item.id for _, item in sound])


def _bytes(file: Path) -> bytes:
    """Return at most one byte more than is allowed, which is enough to refuse the file."""
    with file.open("rb") as stream:
        return stream.read(LARGEST_BYTES + 1)


def _doubles(sound: list[tuple[Path, ContentItem]]) -> list[Fault]:
    """Return a fault for each file whose id and version an earlier file has as well."""
    first: dict[tuple[str, str], Path] = {}
    faults: list[Fault] = []
    for file, item in sound:
        earlier = first.setdefault((item.id, item.version), file)
        if earlier != file:
            message = f"{item.id} {item.version} is also in {earlier}; raise the version of one"
            faults.append(Fault(str(file), "version", message))
    return faults
