"""`learn`: fit the model to all outcomes now, however many there are."""

import resource
import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from api.cli.environment import insist_on_newest_tables, opened, settings_given
from api.cli.output import Failed, Json, out, print_json
from engine.clock import system_clock
from engine.learning_records import Hours, LearningEvent
from engine.settings import Settings
from engine.store import Database, artifacts
from prompting.learning import Learner
from prompting.streaming import PART, Cluster, Fitted, fit_stored


def learn(
    dask: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Scheduler of a Dask cluster, host:port."),
    ] = None,
    part: Annotated[
        int, typer.Option(min=1_000, max=10_000_000, help="Most outcomes fitted at once.")
    ] = PART,
    as_json: Json = False,
) -> None:
    """Fit the model anew to all outcomes; it decides unless it is worse than the one that does."""
    settings = settings_given()
    db = opened(settings)
    try:
        insist_on_newest_tables(db)
        told = _learned(settings, db, Cluster(dask), part)
    except ImportError as error:
        raise Failed("--dask: dask is not installed; install welltimed[dask]") from error
    finally:
        db.close()
    if as_json:
        print_json(told)
        return
    taken = "decides now" if told["promoted"] else f"is kept back: {'; '.join(told['reasons'])}"
    out.print(
        f"model {told['version']} of {told['outcomes']:,} outcomes in {told['parts']} parts {taken}"
    )


def _learned(settings: Settings, db: Database, cluster: Cluster, part: int) -> dict[str, Any]:
    """Fit and judge; return what came of it. Raises Failed where nothing could be fitted."""
    made: list[Fitted] = []

    def fit(db: Database, declared: Mapping[str, Hours]) -> Fitted:
        made.append(fit_stored(db, declared, part=part, cluster=cluster))
        return made[-1]

    began = time.monotonic()
    learner = Learner(db, epsilon=settings.epsilon, refit_hour_utc=settings.refit_hour_utc, fit=fit)
    promoted = learner.refit(now=system_clock())
    event = _newest_event(db)
    if not made or event.version is None:
        raise Failed(f"no model could be fitted: {event.detail.get('reason')}")
    return {
        "version": event.version,
        "promoted": promoted,
        "reasons": event.detail.get("reasons", []),
        "outcomes": made[0].outcomes,
        "parts": made[0].parts,
        "persons": made[0].model.ledger_.size,
        "seconds": round(time.monotonic() - began, 2),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def _newest_event(db: Database) -> LearningEvent:
    """Return what the log says of the model of answers that was fitted last."""
    with db.read() as tx:
        return next(one for one in artifacts.events(tx, limit=10) if "head" not in one.detail)
