"""Many values in one parameter: a statement for a whole batch, its text always the same.

A list spelled out as `IN (?, ?, ...)` is written, named and bound value by value, and a statement
with a set of values for each row is run row by row; for batches of hundreds that costs more than
the database's own work. SQLite takes such a list as JSON, PostgreSQL as arrays.
"""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Dialect,
    Text,
    Uuid,
    bindparam,
    column,
    func,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType, TypeDecorator, TypeEngine, UserDefinedType


class _KeyArray(UserDefinedType[str]):
    """An array of keys that the driver is given as text: it would dump each key on its own."""

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_: Any) -> str:  # noqa: ANN401 (options of the compiler)
        """Return the name of the type."""
        return "UUID[]"


class Keys(TypeDecorator[Sequence[UUID]]):
    """A list of keys as one value."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the value: an array where there are arrays."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(_KeyArray())
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Sequence[UUID] | None, dialect: Dialect) -> Any:  # noqa: ANN401
        """Return what the driver is given."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            return "{" + ",".join([key.hex for key in value]) + "}"
        return '["' + '","'.join([key.hex for key in value]) + '"]' if value else "[]"


class _OneOf(FunctionElement[Any]):
    type = NullType()  # a function said to be boolean is asked for "= 1", which no index serves
    inherit_cache = True
    name = "one_of"


def one_of(tested: Any, name: str) -> _OneOf:  # noqa: ANN401 (a column; mapped ones have a type of their own)
    """Return the condition that a column of keys is among those of the parameter `name`."""
    return _OneOf(tested, bindparam(name, type_=Keys()))


@compiles(_OneOf, "sqlite")
def _one_of_json(element: _OneOf, compiler: SQLCompiler, **rest: Any) -> str:  # noqa: ANN401
    tested, keys = (compiler.process(part, **rest) for part in element.clauses)
    return f"{tested} IN (SELECT value FROM json_each({keys}))"


@compiles(_OneOf, "postgresql")
def _one_of_array(element: _OneOf, compiler: SQLCompiler, **rest: Any) -> str:  # noqa: ANN401
    tested, keys = (compiler.process(part, **rest) for part in element.clauses)
    return f"{tested} = ANY ({keys})"


class Rows:
    """A small table that a statement is given: rows of keys and whole numbers, in this order.

    `columns` is what a statement is built on, `given` its parameters; both are the dialect's.
    """

    def __init__(self, *types: TypeEngine[Any]) -> None:
        self._types = types

    def columns(self, dialect: str) -> list[ColumnElement[Any]]:
        """Return the columns to select from, or to compare with."""
        if dialect == "postgresql":
            arrays = [
                bindparam(
                    f"rows_{number}", type_=Keys() if isinstance(type_, Uuid) else ARRAY(type_)
                )
                for number, type_ in enumerate(self._types)
            ]
            named = [column(f"c{number}", type_) for number, type_ in enumerate(self._types)]
            table = func.unnest(*arrays).table_valued(*named, name="given").render_derived()
            return [table.c[name.name] for name in named]
        each = func.json_each(bindparam("rows", type_=Text())).table_valued("value", name="given")
        return [
            func.json_extract(each.c.value, f"$[{number}]", type_=type_)
            for number, type_ in enumerate(self._types)
        ]

    def given(self, dialect: str, rows: Sequence[tuple[UUID | int, ...]]) -> dict[str, Any]:
        """Return the parameters that stand for these rows."""
        if dialect == "postgresql":
            return {f"rows_{number}": list(of) for number, of in enumerate(zip(*rows, strict=True))}
        return {"rows": json.dumps(rows, default=_digits)}


def _digits(key: UUID) -> str:
    return key.hex
