"""Protocol documents in plain words: what is asked when, and what differs between two. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from api.web.wording import DASH, counted, date_words, percent, span_words, title_of
from content.library import Library
from engine.durations import parse_date, parse_days, parse_duration
from engine.triggers import ENROLMENT

Part = Mapping[str, Any]
TIMINGS = {
    "adaptive": "adaptive: learned from answers, with a share left to chance",
    "uniform": "by chance, every moment as likely",
}
COMPARED = {
    "lt": "below",
    "le": "at most",
    "eq": "exactly",
    "ne": "other than",
    "ge": "at least",
    "gt": "above",
}
MOST_DATES = 3


def protocol_words(document: Part, library: Library) -> dict[str, str]:
    """Return a stored protocol as label and text, in reading order."""
    limits = document.get("limits", {})
    per_day = limits.get("per_day")
    words = {
        "Protocol": str(document["name"]),
        "Quiet hours": spans_words(document.get("quiet_hours", ())) or "none",
        "Most prompts a day": "no limit" if per_day is None else str(per_day),
        "Between two prompts": "at least " + length(limits.get("min_gap", "0m")),
    }
    if phases := document.get("phases", ()):
        words["Phases"] = "; then ".join(phase_words(phase) for phase in phases)
    titles = titles_of(document, library)
    for assignment in document["assignments"]:
        words[titles[identity(assignment)]] = assignment_words(assignment, titles, library)
    return words


def identity(assignment: Part) -> str:
    """Return the id of an assignment, which is the content's unless given."""
    return str(assignment.get("id", assignment["content"]))


def titles_of(document: Part, library: Library) -> dict[str, str]:
    """Return what each assignment is called."""
    return {
        identity(one): title_of(library, identity(one), one["content"])
        for one in document["assignments"]
    }


def phase_words(phase: Part) -> str:
    """Return a phase like "aftercare for 90 days, thinning out to 20 %"."""
    if phase.get("days") is not None:
        end = f" for {span_words(parse_days(phase['days']))}"
    else:
        end = f" until {phase['until']}" if phase.get("until") else " without end"
    fade = phase.get("fade")
    thinning = f", thinning out to {percent(fade['to_share'])} of the prompts" if fade else ""
    return f"{phase['name']}{end}{thinning}"


def assignment_words(assignment: Part, titles: Mapping[str, str], library: Library) -> str:
    """Return when an assignment asks, and what else holds for it."""
    parts = [trigger_words(assignment["trigger"], titles, library)]
    parts.append(f"open for {length(assignment.get('expires_after', '60m'))}")
    return "; ".join([*parts, *further_words(assignment)])


def trigger_words(trigger: Part, titles: Mapping[str, str], library: Library) -> str:
    """Return when a trigger asks."""
    match trigger["kind"]:
        case "window":
            return _window(trigger)
        case "fixed":
            return f"at {', '.join(trigger['at'])}{_on_days(trigger)}"
        case "micro_randomised":
            share = percent(trigger["probability"])
            times = ", ".join(trigger["at"])
            return f"at {times}{_on_days(trigger)}, each time only with a chance of {share}"
        case "interval":
            anchor = trigger.get("anchor", ENROLMENT)
            counting = "" if anchor == ENROLMENT else f", counted from {anchor}"
            return f"every {length(trigger['every'])} at {trigger['at']}{counting}"
        case "event":
            return _event(trigger, titles, library)
        case _:
            return f"whenever the patient likes{_most(trigger)}"


def further_words(assignment: Part) -> Iterator[str]:
    """Yield what holds for an assignment beside its trigger and expiry."""
    if reminders := assignment.get("reminders"):
        yield "reminded after " + _listed([length(one) for one in reminders])
    if phases := assignment.get("phases"):
        yield "only in " + _listed(phases)
    if bursts := assignment.get("bursts"):
        anchor = bursts.get("anchor", ENROLMENT)
        counting = "" if anchor == ENROLMENT else f", counted from {anchor}"
        yield f"{length(bursts['on'])} on, {length(bursts['off'])} off{counting}"
    if dates := assignment.get("dates"):
        yield _dates(dates)
    if assignment.get("per_day") is not None:
        yield f"at most {assignment['per_day']} a day"
    if assignment.get("priority") is not None:
        yield f"priority {assignment['priority']}"
    if assignment.get("sampling"):
        yield "never adapted"


def length(written: object) -> str:
    """Return a written duration in words."""
    return span_words(parse_duration(written))


def spans_words(spans: Iterable[Mapping[str, str]]) -> str:
    """Return stretches of the day, from and to with a dash between, separated by commas."""
    return ", ".join(f"{span['from']}{DASH}{span['to']}" for span in spans)


def differences(
    old: Mapping[str, str], new: Mapping[str, str], absent: str = "not there"
) -> list[tuple[str, str, str]]:
    """Return (label, old text, new text) of what differs between two documents in words."""
    labels: Sequence[str] = [*old, *(label for label in new if label not in old)]
    return [
        (label, old.get(label, absent), new.get(label, absent))
        for label in labels
        if old.get(label) != new.get(label)
    ]


def _window(trigger: Part) -> str:
    timing = TIMINGS[trigger.get("timing", "uniform")]
    return f"{often_words(trigger)} {spans_words(trigger['windows'])}{_on_days(trigger)}; " + (
        f"moment {timing}"
    )


def often_words(trigger: Part) -> str:
    """Return how often a window trigger asks: "3 times, at least 1 hour apart, in each of"."""
    number = trigger.get("per_window", 1)
    if number == 1:
        return "once in each of"
    gap = parse_duration(trigger.get("gap", "0m"))
    apart = f", at least {span_words(gap)} apart," if gap else ""
    return f"{number} times{apart} in each of"


def _event(trigger: Part, titles: Mapping[str, str], library: Library) -> str:
    delay = parse_duration(trigger.get("delay", "0m"))
    text = f"{span_words(delay)} after " if delay else "when "
    text += _condition(trigger["when"], titles, library)
    if cooldown := parse_duration(trigger.get("cooldown", "0m")):
        text += f", not again within {span_words(cooldown)}"
    return text + _most(trigger)


def _condition(when: Part, titles: Mapping[str, str], library: Library) -> str:
    if "report" in when:
        return f"the patient reports \N{LEFT DOUBLE QUOTATION MARK}{when['report']}" + (
            "\N{RIGHT DOUBLE QUOTATION MARK}"
        )
    if "missed" in when:
        return f"{titles.get(when['missed'], when['missed'])} was missed"
    kind = "score" if when.get("score") else "item"
    content, _, name = str(when[kind]).rpartition(".")
    title = title_of(library, content, content)
    compared = COMPARED[when.get("op", "ge")]
    return f"the {kind} {name.replace('_', ' ')} of {title} is {compared} {when['value']:g}"


def _most(trigger: Part) -> str:
    most = trigger.get("per_day")
    return "" if most is None else f", at most {most} a day"


def _on_days(trigger: Part) -> str:
    days = trigger.get("days", ())
    return "" if len(days) in {0, 7} else " on " + ", ".join(day.capitalize() for day in days)


def _dates(dates: Part) -> str:
    ends = [
        f"{word} {date_words(parse_date(dates[key]))}"
        for key, word in (("from", "from"), ("to", "to"))
        if dates.get(key) is not None
    ]
    without = [date_words(parse_date(one)) for one in dates.get("except", ())]
    if len(without) > MOST_DATES:
        ends.append(f"without {counted(len(without), 'date')}")
    elif without:
        ends.append("not on " + _listed(without))
    return " ".join(ends)


def _listed(words: Sequence[str]) -> str:
    """Return "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
