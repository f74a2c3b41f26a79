"""`ContentItem`: one validated document of content, with its identity and fingerprint."""

import hashlib
import json
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from content.consistency import faults_of
from content.elements import Feedback, Item, Licence, Safety, Score, Therapy
from content.fields import ContentId, Language, Line, Many, Paragraph, Strict, Version, counted

SCHEMA = "welltimed-content/1"


class ContentItem(Strict):
    """A questionnaire, exercise, lesson or log that keeps all its own rules.

    Beyond the shape, validation guarantees: ids and option codes are unique, conditions name only
    what exists and is asked before, values compared fit the item, scores are computable and
    restricted instruments carry no texts. Raises `pydantic.ValidationError` listing every fault.
    """

    schema_: Literal["welltimed-content/1"] = Field(alias="schema")
    id: ContentId
    version: Version
    kind: Literal["questionnaire", "exercise", "lesson", "log"]
    language: Language
    title: Line
    minutes: Annotated[int, Field(ge=1, le=120)]
    licence: Licence
    therapy: Therapy | None = None
    why: Paragraph | None = None
    instruction: Paragraph | None = None
    items: Annotated[Many[Item], counted(1, 200)]
    scores: Many[Score] = ()
    feedback: Many[Feedback] = ()
    safety: Safety | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faults = faults_of(self)
        if faults:
            # Raised as one error with many places, so that every fault is reported at its own.
            raise ValidationError.from_exception_data(
                "content",
                [
                    InitErrorDetails(
                        type=PydanticCustomError("rule", "{text}", {"text": message}),
                        loc=place,
                        input=None,
                    )
                    for place, message in faults
                ],
            )
        return self

    @cached_property
    def sha256(self) -> str:
        """SHA-256 (64 hex digits) of the document's canonical JSON: sorted keys, no spaces."""
        document = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        canonical = json.dumps(
            document, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
        )
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def version_key(self) -> tuple[int, ...]:
        """The version as three whole numbers, in the order versions are compared."""
        return tuple(int(part) for part in self.version.split("."))
