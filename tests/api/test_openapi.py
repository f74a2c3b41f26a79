"""The OpenAPI document: whole, and true about security and errors."""

from collections.abc import Iterator
from typing import Any

from api_world import World, is_problem
from test_access import PUBLIC, endpoints


def document(world: World) -> Any:
    return world.call("GET", "/v1/openapi.json", None).json()


def operations(world: World) -> Iterator[tuple[str, str, Any]]:
    for path, methods in document(world)["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def references(part: object) -> Iterator[str]:
    """Yield every `$ref` in a document."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def test_every_reference_leads_somewhere(lasting: World) -> None:
    whole = document(lasting)
    assert whole["openapi"].startswith("3.1")
    assert whole["info"]["title"] == "Welltimed"
    found = set(references(whole))
    assert len(found) > 20
    for reference in found:
        node = whole
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def test_every_operation_has_an_id_of_its_own_a_summary_and_words(lasting: World) -> None:
    listed = [operation for _, _, operation in operations(lasting)]
    ids = [one["operationId"] for one in listed]
    assert len(set(ids)) == len(ids) >= 20
    for one in listed:
        assert one["summary"]
        assert one["description"].endswith(".")
        assert one["tags"]


def test_the_document_has_every_route_and_security_where_it_is_needed(lasting: World) -> None:
    told = {(method, path): one for method, path, one in operations(lasting)}
    served = {one for one in endpoints(lasting.app) if one[1].startswith("/v1")}
    assert {one for one in told if one[1].startswith("/v1")} == {
        one for one in served if one[1] != "/v1/openapi.json"
    }
    for (method, path), one in told.items():
        if (method, path) in PUBLIC or path in {"/health", "/ready"}:
            assert "security" not in one
        else:
            scheme = "device" if path.startswith("/v1/device") else "session"
            scheme = "metrics" if path == "/metrics" else scheme
            assert one["security"] == [{scheme: []}]
    schemes = document(lasting)["components"]["securitySchemes"]
    assert set(schemes) == {"device", "session", "metrics"}


def test_path_parameters_are_all_described(lasting: World) -> None:
    for _, path, one in operations(lasting):
        named = {p["name"] for p in one.get("parameters", []) if p["in"] == "path"}
        assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_errors_are_described_as_they_are_sent(lasting: World) -> None:
    for _, _, one in operations(lasting):
        refused = one["responses"]["4XX"]["content"]
        assert list(refused) == ["application/problem+json"]
        schema = refused["application/problem+json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Problem"}
    problem = document(lasting)["components"]["schemas"]["Problem"]
    reply = lasting.call("GET", "/v1/patients", None)
    assert is_problem(reply)
    assert set(reply.json()) == set(problem["properties"])
