"""The library: content by id and version, and the view of it a patient's app may have."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from content.item import ContentItem
from content.loading import ContentRefused, Fault, load_content
from content.vocabulary import Values, values_of

SUFFIXES = (".yaml", ".yml")


class UnknownContent(LookupError):
    """There is no content of this id; `known` lists the ids there are."""

    def __init__(self, content_id: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no content {content_id!r}; known: {', '.join(known) or 'none'}")
        self.content_id = content_id
        self.known = known


class UnknownContentVersion(LookupError):
    """The content exists, but not in this version; `known` lists the versions there are."""

    def __init__(self, content_id: str, version: str, known: tuple[str, ...]) -> None:
        super().__init__(
            f"there is no version {version!r} of {content_id!r}; known: {', '.join(known)}"
        )
        self.content_id = content_id
        self.version = version
        self.known = known


class Library:
    """An unchanging collection of content; several versions of one id may stand side by side.

    Iteration gives the newest version of each id, in the order of ids.
    """

    def __init__(self, items: Iterable[ContentItem]) -> None:
        self._versions: dict[str, list[ContentItem]] = {}
        for item in sorted(items, key=lambda one: (one.id, one.version_key)):
            others = self._versions.setdefault(item.id, [])
            if any(other.version == item.version for other in others):
                message = f"{item.id} {item.version} is there twice; raise the version of one"
                raise ContentRefused([Fault(item.id, "version", message)])
            others.append(item)

    @classmethod
    def builtin(cls) -> "Library":
        """Return the content shipped with the project (read once)."""
        return _builtin()

    @classmethod
    def from_folder(cls, path: Path | str) -> Self:
        """Return the content in all YAML files below `path`.

        Raises `ContentRefused` with the faults of all files, and NotADirectoryError.
        """
        folder = Path(path)
        if not folder.is_dir():
            raise NotADirectoryError(f"{folder} is not a folder")
        return cls(_load_all((str(file), file.read_bytes()) for file in yaml_files(folder)))

    def get(self, content_id: str, version: str | None = None) -> ContentItem:
        """Return the content, in its newest version unless one is named.

        Raises `UnknownContent` and `UnknownContentVersion`.
        """
        versions = self._versions.get(content_id)
        if versions is None:
            raise UnknownContent(content_id, self.ids())
        if version is None:
            return versions[-1]
        found = next((item for item in versions if item.version == version), None)
        if found is None:
            raise UnknownContentVersion(
                content_id, version, tuple(item.version for item in versions)
            )
        return found

    def ids(self) -> tuple[str, ...]:
        """Return all ids in alphabetical order."""
        return tuple(self._versions)

    def vocabulary(self) -> Mapping[str, Values]:
        """Return the numbers an answer to each content tells, of its newest version, by id."""
        return {item.id: values_of(item) for item in self}

    def __contains__(self, content_id: object) -> bool:
        return content_id in self._versions

    def __iter__(self) -> Iterator[ContentItem]:
        return (versions[-1] for versions in self._versions.values())

    def __len__(self) -> int:
        return len(self._versions)


def yaml_files(folder: Path) -> list[Path]:
    """Return the YAML files below a folder, sorted by path."""
    return sorted(file for file in folder.rglob("*") if file.suffix in SUFFIXES and file.is_file())


def public_view(item: ContentItem) -> dict[str, object]:
    """Return the JSON a patient's app needs to show the content and branch through it.

    Scoring, values of options, feedback and risk rules stay on the server.
    """
    document = item.model_dump(mode="json", by_alias=True, exclude_none=True)
    view = {key: document[key] for key in _PUBLIC_KEYS if key in document}
    view["sha256"] = item.sha256
    view["items"] = [_public_item(one) for one in document["items"]]
    return view


_PUBLIC_KEYS = ("id", "version", "kind", "language", "title", "why", "instruction", "minutes")


def _public_item(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item's JSON without its codings and without the numbers options count for."""
    public = {key: value for key, value in item.items() if key != "loinc"}
    if "options" in item:
        public["options"] = [
            {key: option[key] for key in ("code", "text") if key in option}
            for option in item["options"]
        ]
    return public


@cache
def _builtin() -> Library:
    folder = files("content") / "items"
    return Library(
        _load_all(
            (entry.name, entry.read_bytes())
            for entry in folder.iterdir()
            if entry.name.endswith(SUFFIXES)
        )
    )


def _load_all(sources: Iterable[tuple[str, bytes]]) -> list[ContentItem]:
    """Return the content of all sources; raises `ContentRefused` with the faults of all."""
    items: list[ContentItem] = []
    faults: list[Fault] = []
    for name, raw in sources:
        try:
            items.append(load_content(name, raw))
        except ContentRefused as refused:
            faults.extend(refused.faults)
    if faults:
        raise ContentRefused(faults)
    return items
