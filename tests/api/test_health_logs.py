"""Log lines: text or JSON, and nothing of a patient in them, whatever goes wrong."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import timedelta

import httpx2
import pytest
from api_world import PROTOCOL, World, send_due
from builders import PASSWORD

from api import auth, logs
from prompting.fcm.outcome import Kind
from prompting.serving import served

CANARIES = {
    "patient": "Canary Patientname",
    "therapist": "Canary Therapistname",
    "protocol": "Canary Protocoltitle",
    "activity": "Canary Activityanswer",
    "password": "canary-password-000",
    "token": "canary-push-token",
}


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Everything logged at DEBUG, in JSON; the loggers are as before afterwards."""
    names = ("", *logs.OURS)
    before = {name: logging.getLogger(name).level for name in names}
    handlers = logging.getLogger().handlers
    stream = io.StringIO()
    logs.configure("DEBUG", "json", stream)
    yield stream
    logging.getLogger().handlers = handlers
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def parsed(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def enrolled(world: World) -> tuple[str, str, str]:
    """Return a therapist's token, a patient and a phone of theirs, all made of canaries."""
    auth.add_clinician(
        world.db, email="canary@clinic.example", name=CANARIES["therapist"], role="therapist",
        password=CANARIES["password"], now=world.clock(),
    )  # fmt: skip
    token = auth.sign_in(
        world.db, "canary@clinic.example", CANARIES["password"], now=world.clock()
    ).token
    document = PROTOCOL | {"name": CANARIES["protocol"]}
    body = {"name": CANARIES["patient"], "zone": "Europe/Berlin", "protocol": document}
    patient = world.call("POST", "/v1/patients", token, json=body).json()["id"]
    code = world.call("POST", f"/v1/patients/{patient}/enrolment-codes", token).json()["code"]
    phone = {
        "code": code, "zone": "Europe/Berlin", "platform": "web", "push_token": CANARIES["token"],
    }  # fmt: skip
    return token, patient, world.call("POST", "/v1/devices", None, json=phone).json()["credential"]


def live_a_day(world: World, phone: str) -> int:
    """Let a day pass with refusals, answers that do not fit and a Firebase in trouble."""
    answered = 0
    for quarter in range(24 * 4):
        world.clock.move_to(world.clock() + timedelta(minutes=15))
        world.pusher.outcome = (Kind.ACCEPTED, Kind.REFUSED, Kind.UNKNOWN)[quarter % 3]
        send_due(world.db, world.clock, world.pusher)
        for prompt in world.call("GET", "/v1/device/prompts", phone).json()["prompts"]:
            bad = {"activity": CANARIES["activity"], "valence": CANARIES["activity"]}
            reply = world.answer(phone, prompt_id=prompt["id"], answers=bad)
            assert reply.status_code == 422
            content = prompt["content"]
            good = world.answer(
                phone, prompt_id=prompt["id"], content_id=content["id"],
                content_version=content["version"],
            )  # fmt: skip
            answered += good.is_success
    return answered


def test_a_day_with_everything_that_goes_wrong_leaves_no_word_of_a_patient(
    world: World, lines: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    token, patient, phone = enrolled(world)
    assert live_a_day(world, phone) >= 1

    def broken(*_: object, **__: object) -> None:
        raise KeyError(f"{CANARIES['patient']} answered {CANARIES['activity']}")

    monkeypatch.setattr("engine.commands.answering.progress", broken)
    assert world.call("GET", "/v1/device/progress", phone).status_code == 500
    with world.db.write() as tx:
        tx.conn.exec_driver_sql("DROP TABLE receipts")
    report = {"receipts": [{"prompt_id": patient, "kind": "shown", "at": "2026-11-20T15:00Z"}]}
    world.call("POST", "/v1/device/receipts", phone, json=report)
    written = lines.getvalue()
    faults = [line for line in parsed(lines) if "fault" in line]
    assert faults, "the failures were logged"
    for secret in (*CANARIES.values(), token, phone, *world.secrets.values(), PASSWORD):
        assert secret not in written, secret


def test_a_line_of_json_has_an_instant_a_level_and_where_a_fault_came_from(
    lines: io.StringIO,
) -> None:
    log = logging.getLogger("prompting.worker")
    log.info("the %s tick goes on again", "plan")
    try:
        int("Canary")
    except ValueError:
        log.exception("it failed")
    first, second = parsed(lines)
    assert (first["level"], first["logger"]) == ("INFO", "prompting.worker")
    assert first["message"] == "the plan tick goes on again"
    assert str(first["at"]).endswith("+00:00")
    ((fault),) = second["fault"]  # type: ignore[misc]
    assert fault["type"] == "ValueError"
    assert "test_health_logs.py" in fault["at"][-1]
    assert "Canary" not in lines.getvalue()


def test_the_fault_of_a_machine_keeps_its_words_and_causes_are_told(lines: io.StringIO) -> None:
    try:
        try:
            raise ConnectionRefusedError(111, "connection refused")
        except OSError as error:
            raise RuntimeError("Canary") from error
    except RuntimeError:
        logging.getLogger("engine").exception("it failed")
    (line,) = parsed(lines)
    outer, inner = line["fault"]  # type: ignore[misc]
    assert (outer["type"], "message" in outer) == ("RuntimeError", False)
    assert inner["message"] == "[Errno 111] connection refused"


def test_text_has_the_same_and_as_little(lines: io.StringIO) -> None:
    stream = io.StringIO()
    logs.configure("INFO", "text", stream)
    try:
        raise KeyError("Canary")
    except KeyError:
        logging.getLogger("api.errors").exception("error 12 at GET /")
    first, *places = stream.getvalue().splitlines()
    assert first.endswith("ERROR api.errors: error 12 at GET /")
    assert places[0] == "KeyError"
    assert "test_health_logs.py" in places[1]
    assert "Canary" not in stream.getvalue()


def test_libraries_stay_silent_below_a_warning(lines: io.StringIO) -> None:
    logging.getLogger("sqlalchemy.engine").info("SELECT with Canary")
    logging.getLogger("httpx").debug("GET /Canary")
    logging.getLogger("engine.store").debug("ours")
    assert [line["message"] for line in parsed(lines)] == ["ours"]


def test_a_fault_that_reaches_the_server_is_written_without_its_values(lines: io.StringIO) -> None:
    async def broken(*_: object) -> None:
        raise KeyError("Canary")

    with served(broken) as url:
        assert httpx2.get(url).status_code == 500
    (line,) = [line for line in parsed(lines) if "fault" in line]
    assert line["logger"] == "uvicorn.error"
    assert "Canary" not in lines.getvalue()
