"""Worlds by name, or from a researcher's own file."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from api.cli.output import Failed
from models.simulation.catalogue import WORLDS
from models.simulation.checked import CheckedWorld, WorldFault
from models.simulation.world import MakeWorld, World

FAULTS = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, MemoryError,
    NameError, OSError, RuntimeError, SyntaxError, TypeError, ValueError,
)  # fmt: skip
"""What a researcher's code may raise; told as one line."""
DEFAULT_FACTORY = "make"


def find_world(named: str) -> MakeWorld:
    """Return the factory of a built-in world, or of `FILE.py:make`.

    Raises Failed with exit code 2 for a name or file that is not there or does not hold a factory.
    """
    if named in WORLDS:
        return WORLDS[named]
    path, _, factory = named.rpartition(":") if not named.endswith(".py") else (named, ":", "")
    if not path.endswith(".py"):
        raise Failed(
            f"--world: {named!r} is not one of {', '.join(WORLDS)}, and not FILE.py:make", code=2
        )
    file = Path(path)
    if not file.is_file():
        raise Failed(f"--world: there is no file {path}", code=2)
    module = _load(file)
    name = factory or DEFAULT_FACTORY
    make = getattr(module, name, None)
    if not callable(make):
        raise Failed(f"--world: {path} defines no function {name}(persons, days, seed)", code=2)

    def checked(persons: int, days: int, seed: int) -> World:
        return CheckedWorld(make(persons, days, seed), persons)

    return checked


@contextmanager
def faults_of(named: str) -> Iterator[None]:
    """Turn what goes wrong in a researcher's world into one line; leave built-in worlds alone."""
    if named in WORLDS:
        yield
        return
    try:
        yield
    except WorldFault as fault:
        raise Failed(f"{named}: {fault}") from fault
    except FAULTS as error:
        raise Failed(f"{named}: {_told(error, _file(named))}") from error


def _file(named: str) -> Path:
    return Path(named if named.endswith(".py") else named.rpartition(":")[0])


def _load(file: Path) -> ModuleType:
    """Return the file as a module; its own folder is importable meanwhile, as for a script."""
    name = f"welltimed_world_{file.stem}"
    spec = spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise Failed(f"--world: {file} cannot be loaded", code=2)
    module = module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    sys.path.insert(0, str(file.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except FAULTS as error:
        del sys.modules[name]
        raise Failed(f"--world: {file}: {_told(error, file)}", code=2) from error
    finally:
        sys.path.remove(str(file.resolve().parent))
    return module


def _told(error: BaseException, file: Path) -> str:
    """Return the error with the line of the researcher's file in which it arose."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename).resolve() == file.resolve()]
    if isinstance(error, SyntaxError):
        lines = [error.lineno]
    where = f", line {lines[-1]}" if lines else ""
    return f"{type(error).__name__}: {error}{where}"
