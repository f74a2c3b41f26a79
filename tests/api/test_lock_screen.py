"""What a lock screen and three companies' servers get to see: nothing clinical, nobody's name."""

from datetime import timedelta
from pathlib import Path

from api_world import PROTOCOL, World, send_due
from starlette.testclient import TestClient

from api import auth
from api.serving import EMULATOR_PATH, api_app
from content.library import Library, public_view
from engine.settings import Settings
from prompting.fcm.emulator.app import build_emulator
from prompting.fcm.message import NEUTRAL_BODY, NEUTRAL_TITLE
from prompting.pusher import pusher_from
from prompting.serving import served

CANARIES = {
    "patient": "Canary Patientname",
    "therapist": "Canary Therapistname",
    "protocol": "Canary Protocolname",
    "assignment": "canary-assignment",
    "password": "canary-password-000",
}


def forbidden() -> list[str]:
    """Return every canary, and every id, title and question of the library."""
    found = list(CANARIES.values())
    for item in Library.builtin():
        view = public_view(item)
        found += [item.id, str(view["title"]), *(str(one["ask"]) for one in view["items"])]  # type: ignore[attr-defined]
    return [text for text in found if len(text) > 3]


def test_no_byte_of_a_push_tells_content_or_a_name(world: World, tmp_path: Path) -> None:
    log = tmp_path / "fcm.jsonl"
    auth.add_clinician(
        world.db, email="canary@clinic.example", name=CANARIES["therapist"], role="therapist",
        password=CANARIES["password"], now=world.clock(),
    )  # fmt: skip
    token = auth.sign_in(
        world.db, "canary@clinic.example", CANARIES["password"], now=world.clock()
    ).token
    assignments = [PROTOCOL["assignments"][0] | {"id": CANARIES["assignment"]}]
    assignments += PROTOCOL["assignments"][1:]
    document = PROTOCOL | {"name": CANARIES["protocol"], "assignments": assignments}
    body = {"name": CANARIES["patient"], "zone": "Europe/Berlin", "protocol": document}
    patient = world.call("POST", "/v1/patients", token, json=body).json()["id"]
    code = world.call("POST", f"/v1/patients/{patient}/enrolment-codes", token).json()["code"]
    with served(build_emulator(clock=world.clock, log_path=log)) as url:
        push_token = TestClient(
            build_emulator(clock=world.clock)  # any token of the emulator's form is a device's
        ).post("/registrations").json()["token"]  # fmt: skip
        phone = {"code": code, "zone": "Europe/Berlin", "platform": "web", "push_token": push_token}
        assert world.call("POST", "/v1/devices", None, json=phone).status_code == 201
        pusher = pusher_from(Settings(), emulator_url=url)
        try:
            for _ in range(24 * 4):
                world.clock.move_to(world.clock() + timedelta(minutes=30))
                send_due(world.db, world.clock, pusher)
        finally:
            pusher.close()
    written = log.read_text(encoding="utf-8")
    assert written.count('"outcome": "accepted"') >= 6
    assert written.count(NEUTRAL_BODY) == written.count(NEUTRAL_TITLE + '"') > 0
    for text in forbidden():
        assert text.casefold() not in written.casefold(), text


def test_browsers_reach_only_their_own_side_of_the_emulator(world: World) -> None:
    emulator = build_emulator(clock=world.clock)
    app = api_app(Settings(), world.db, clock=world.clock, emulator=emulator)
    client = TestClient(app)
    assert client.post(f"{EMULATOR_PATH}/registrations").status_code == 201
    send = "/v1/projects/welltimed/messages:send"
    for method, path in (
        ("GET", "/log"), ("GET", "/faults"), ("PUT", "/faults"), ("GET", "/health"), ("POST", send),
        ("GET", "//log"), ("GET", "/x/../log"),
    ):  # fmt: skip
        assert client.request(method, EMULATOR_PATH + path).status_code == 404, path
