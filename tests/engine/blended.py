"""A good protocol to start from, and ways to spoil it."""

import pytest

from engine.protocol import ProtocolFaults, dump_protocol, load_protocol, parse_protocol

BLENDED = """
schema: welltimed-protocol/1
name: Behavioural activation, blended
quiet_hours: [{from: "21:30", to: "08:00"}]
limits: {per_day: 6, min_gap: 45m}
assignments:
  - content: checkin.momentary
    trigger:
      kind: window
      windows:
        - {from: "09:00", to: "12:00"}
        - {from: "12:00", to: "15:00"}
        - {from: "15:00", to: "18:00"}
        - {from: "18:00", to: "21:00"}
      timing: adaptive
      objective: answered
    expires_after: 60m
  - content: ba.plan-tomorrow
    trigger: {kind: fixed, at: ["20:00"], days: [sun, mon, tue, wed, thu]}
  - content: phq9
    trigger: {kind: interval, every: 14d, at: "18:00"}
    sampling: representative
"""
COURSE = """
schema: welltimed-protocol/1
name: Behavioural activation, blended
quiet_hours: [{from: "21:30", to: "08:00"}]
limits: {per_day: 6, min_gap: 45m}
phases:
  - {name: waiting, until: first-session}
  - {name: treatment, days: 84}
  - {name: aftercare, days: 90, fade: {to_share: 0.2}}
assignments:
  - content: checkin.momentary
    trigger:
      kind: window
      windows:
        - {from: "09:00", to: "12:00"}
        - {from: "12:00", to: "15:00"}
        - {from: "15:00", to: "18:00"}
        - {from: "18:00", to: "21:00"}
      timing: adaptive
      objective: answered
    expires_after: 60m
    reminders: [15m]
  - content: ba.plan-tomorrow
    trigger: {kind: fixed, at: ["20:00"], days: [sun, mon, tue, wed, thu]}
  - content: cbt.thought-record
    trigger:
      kind: event
      when: {score: checkin.momentary.negative_affect, op: ge, value: 60}
      delay: 5m
      cooldown: 4h
      per_day: 2
  - content: defusion.leaves
    trigger: {kind: micro_randomised, at: ["10:00", "14:00", "18:00"], probability: 0.5}
  - content: phq9
    trigger: {kind: interval, every: 14d, at: "18:00"}
    sampling: representative
"""
"""The same course with phases, an event and decision points."""
KNOWN = ("ba.plan-tomorrow", "checkin.momentary", "phq9")


def faults_of(change, known_content=None):
    document = dump_protocol(load_protocol(BLENDED))
    change(document)
    with pytest.raises(ProtocolFaults) as refused:
        parse_protocol(document, known_content=known_content)
    return [(fault.path, fault.message) for fault in refused.value.faults]


def put(path, value):
    """Return a change that puts a value at a path such as "assignments.0.expires_after"."""

    def change(document):
        *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        for step in way:
            document = document[step]
        document[last] = value

    return change
