"""Short ways to write a protocol's assignments, and what is said of a whole design."""

from engine.protocol import ProtocolFaults, parse_protocol


def faults(*assignments, known=None, **document):
    """Return path and message of each fault; contents are named a, b, c unless given."""
    whole = {"schema": "welltimed-protocol/1", "name": "test", **document}
    whole["assignments"] = [
        {"content": "abcdefgh"[place], **one} for place, one in enumerate(assignments)
    ]
    try:
        parse_protocol(whole, known_content=known)
    except ProtocolFaults as refused:
        return [(fault.path, fault.message) for fault in refused.faults]
    return []


def at(*times, **more):
    return {"trigger": {"kind": "fixed", "at": list(times)}, **more}


def within(first, end, trigger=None, **more):
    windows = [{"from": first, "to": end}]
    return {"trigger": {"kind": "window", "windows": windows, **(trigger or {})}, **more}


def every(days, anchor="enrolment", **more):
    trigger = {"kind": "interval", "every": days, "at": "12:00", "anchor": anchor}
    return {"trigger": trigger, **more}


def after(when, **more):
    return {"trigger": {"kind": "event", "when": when}, **more}


def told(found):
    return [f"{path}: {message}" for path, message in found]
