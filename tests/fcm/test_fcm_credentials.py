import asyncio
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from waiting import until

from engine.clock import VirtualClock
from prompting.fcm.client import FcmClient
from prompting.fcm.credentials import (
    MESSAGING_SCOPE,
    AccessToken,
    CredentialsUnavailable,
    ServiceAccount,
    StaticBearer,
)
from prompting.fcm.outcome import Kind
from prompting.serving import served

NOON = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


class TokenSource:
    """Hands out numbered tokens of one hour; can be held up or broken."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.fetches = 0
        self.broken = False
        self.open = threading.Event()
        self.open.set()

    def __call__(self) -> AccessToken:
        self.fetches += 1
        assert threading.current_thread() is not threading.main_thread()
        assert self.open.wait(60)
        if self.broken:
            raise CredentialsUnavailable("down", temporary=True)
        return AccessToken(f"token-{self.fetches}", self.clock() + HOUR)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOON)


@pytest.fixture
def source(clock: VirtualClock) -> TokenSource:
    return TokenSource(clock)


@pytest.fixture
def account(source: TokenSource, clock: VirtualClock) -> ServiceAccount:
    return ServiceAccount(source, clock=clock)


async def test_a_static_bearer_stays_the_same_even_when_rejected():
    bearer = StaticBearer("owner")
    bearer.reject("owner")
    assert await bearer.bearer() == "owner"


async def test_a_hundred_senders_without_a_token_share_one_fetch(account, source):
    source.open.clear()
    senders = [asyncio.create_task(account.bearer()) for _ in range(100)]
    await until(lambda: source.fetches == 1)
    source.open.set()
    assert set(await asyncio.gather(*senders)) == {"token-1"}
    assert source.fetches == 1


async def test_a_token_is_renewed_ahead_of_its_end_while_the_old_one_serves(account, source, clock):
    assert await account.bearer() == "token-1"
    clock.move_to(NOON + HOUR - timedelta(minutes=5, seconds=1))
    await account.bearer()
    assert source.fetches == 1
    clock.move_to(NOON + HOUR - timedelta(minutes=5))
    source.open.clear()
    assert [await account.bearer() for _ in range(20)] == ["token-1"] * 20
    source.open.set()
    await until(lambda: source.fetches == 2)
    async with asyncio.timeout(60):
        while await account.bearer() != "token-2":
            await asyncio.sleep(0.005)
    assert source.fetches == 2


async def test_a_failed_early_renewal_pauses_and_harms_no_sender(account, source, clock):
    await account.bearer()
    source.broken = True
    clock.move_to(NOON + HOUR - timedelta(minutes=4))
    for _ in range(5):
        assert await account.bearer() == "token-1"
        await asyncio.sleep(0.02)
    assert source.fetches == 2
    clock.move_to(NOON + HOUR - timedelta(minutes=4) + timedelta(seconds=10))
    await account.bearer()
    await until(lambda: source.fetches == 3)


async def test_an_ended_token_is_never_used(account, source, clock):
    await account.bearer()
    source.broken = True
    clock.move_to(NOON + HOUR)
    with pytest.raises(CredentialsUnavailable):
        await account.bearer()
    source.broken = False
    assert await account.bearer() == "token-3"


async def test_a_sender_that_gives_up_does_not_take_the_fetch_from_the_others(account, source):
    source.open.clear()
    impatient = asyncio.create_task(account.bearer())
    patient = asyncio.create_task(account.bearer())
    await until(lambda: source.fetches == 1)
    impatient.cancel()
    await asyncio.sleep(0)
    source.open.set()
    assert await patient == "token-1"
    assert impatient.cancelled()


async def test_a_rejected_token_is_replaced_but_not_at_every_send(account, source, clock):
    account.reject(await account.bearer())
    assert await account.bearer() == "token-2"
    account.reject("token-1")
    account.reject("token-2")
    assert await account.bearer() == "token-2"
    clock.move_to(NOON + timedelta(seconds=10))
    account.reject("token-2")
    assert await account.bearer() == "token-3"


class TokenEndpoint:
    """A local stand-in for the OAuth token endpoint; keeps the assertions it was given."""

    def __init__(self) -> None:
        self.assertions: list[str] = []
        self.refusal: dict[str, str] | None = None
        self.seconds = 0.0
        self.open = 0
        self.most_at_once = 0
        self.app = Starlette(routes=[Route("/token", self.answer, methods=["POST"])])

    async def answer(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        self.assertions.append(form["assertion"][0])
        self.open += 1
        self.most_at_once = max(self.most_at_once, self.open)
        await asyncio.sleep(self.seconds)
        self.open -= 1
        if self.refusal is not None:
            return JSONResponse(self.refusal, 400)
        token = f"ya29.made-up-{len(self.assertions)}"
        return JSONResponse({"access_token": token, "expires_in": 3600})


@pytest.fixture(scope="module")
def private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def account_key(private_key: rsa.RSAPrivateKey, token_uri: str) -> dict[str, str]:
    pem = private_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account",
        "project_id": "clinic",
        "private_key_id": "1",
        "private_key": pem.decode(),
        "client_email": "sender@clinic.example",
        "client_id": "1",
        "token_uri": token_uri,
    }


async def test_a_service_account_key_file_buys_a_token_for_messaging_only(private_key, tmp_path):
    endpoint = TokenEndpoint()
    with served(endpoint.app) as url:
        file = tmp_path / "key.json"
        file.write_text(json.dumps(account_key(private_key, f"{url}/token")))
        account = ServiceAccount.from_key(file)
        assert await account.bearer() == "ya29.made-up-1"
        assert await account.bearer() == "ya29.made-up-1"
    (assertion,) = endpoint.assertions
    claims = jwt.decode(assertion, verify=False)
    assert claims["scope"] == MESSAGING_SCOPE
    assert claims["iss"] == "sender@clinic.example"


async def test_fifty_senders_and_a_slow_token_server_make_one_request_a_token(private_key):
    endpoint, ahead = TokenEndpoint(), timedelta(minutes=5)
    endpoint.seconds = 0.3
    with served(endpoint.app) as url:
        account = ServiceAccount.from_key(account_key(private_key, f"{url}/token"))
        first = await asyncio.gather(*[account.bearer() for _ in range(50)])
        assert set(first) == {"ya29.made-up-1"}
        # As if 55 minutes had gone: the token has five minutes left.
        account._clock = lambda: datetime.now(UTC) + HOUR - ahead
        endpoint.seconds = 3
        began = time.monotonic()
        during = await asyncio.gather(*[account.bearer() for _ in range(50)])
        assert time.monotonic() - began < 2
        assert set(during) == {"ya29.made-up-1"}
        await until(lambda: len(endpoint.assertions) == 2 and not endpoint.open)
        account._clock = lambda: datetime.now(UTC)
        async with asyncio.timeout(60):
            while await account.bearer() != "ya29.made-up-2":
                await asyncio.sleep(0.005)
    assert len(endpoint.assertions) == 2
    assert endpoint.most_at_once == 1


async def test_a_refused_account_is_told_from_an_unreachable_endpoint(private_key, make_push):
    endpoint = TokenEndpoint()
    endpoint.refusal = {"error": "invalid_grant", "error_description": "account disabled"}
    with served(endpoint.app) as url:
        refused = ServiceAccount.from_key(account_key(private_key, f"{url}/token"))
        client = FcmClient("http://127.0.0.1:1", "clinic", refused)
        outcome = await client.send(make_push(), now=NOON)
        assert (outcome.kind, outcome.code) == (Kind.REFUSED, "CREDENTIALS_UNAVAILABLE")
        await client.aclose()
    assert "account disabled" in outcome.detail


async def test_a_token_endpoint_out_of_reach_is_a_temporary_fault(private_key):
    account = ServiceAccount.from_key(account_key(private_key, "http://127.0.0.1:1/token"))
    with pytest.raises(CredentialsUnavailable) as caught:
        await account.bearer()
    assert caught.value.temporary


async def test_an_unreachable_token_endpoint_means_nothing_was_sent(source, account, make_push):
    source.broken = True
    client = FcmClient("http://127.0.0.1:1", "clinic", account)
    outcome = await client.send(make_push(), now=NOON)
    await client.aclose()
    assert (outcome.kind, outcome.code) == (Kind.NOT_SENT, "CREDENTIALS_UNAVAILABLE")
    assert outcome.proven_not_delivered


def test_a_key_that_is_none_is_refused():
    with pytest.raises(ValueError, match="service account"):
        ServiceAccount.from_key({"type": "user"})
