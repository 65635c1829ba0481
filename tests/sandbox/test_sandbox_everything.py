"""Every operation of the spec is answered, in shapes that the spec knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.sandbox import Operation, Sandbox, Spec, Type

if TYPE_CHECKING:
    from tests.sandbox.conftest import Api

STATEFUL = [
    "contacts",
    "addresses",
    "contact_persons",
    "contact_types",
    "sales_invoices",
    "contact_payments",
    "contact_allocations",
    "products",
    "services",
    "bank_accounts",
    "tax_rates",
    "ledger_accounts",
    "ledger_account_types",
    "bank_account_types",
    "artefact_statuses",
    "payment_methods",
    "countries",
    "currencies",
    "transactions",
    "ledger_entries",
]


def example(found: Type, name: str = "") -> Any:
    """A value of a type."""
    match found.word:
        case "object":
            return {inner: example(part, inner) for inner, part in found.attributes.items()}
        case "array":
            assert found.items is not None
            return [example(found.items)]
        case "integer":
            return found.minimum or 1
        case "boolean":
            return True
        case "decimal":
            return "1.50"
        case "date":
            return "2025-06-01"
        case "date-time":
            return "2025-06-01T10:00:00Z"
        case _:
            return found.enum[0] if found.enum else "0" * 32 if name == "idempotency_id" else "x"


def without_ids(found: Type) -> dict[str, Any]:
    """A body that refers to nothing, so that it can be stored anywhere."""
    return {
        name: example(part, name)
        for name, part in found.attributes.items()
        if not name.endswith(("_id", "_ids", "categories")) and part.word not in ("object", "array")
    }


async def answer(api: Api, operation: Operation, body: Any = None) -> int:
    path = operation.template.replace("{key}", "0" * 32)
    given: dict[str, Any] = {"json": {operation.root: body}} if operation.root else {}
    headers = {"Authorization": f"Bearer {api.token}"}
    response = await api.client.request(operation.method, f"/v3.1{path}", headers=headers, **given)
    return response.status


async def test_no_operation_fails(api: Api, spec: Spec) -> None:
    """Any body, full or without references: an answer below 500."""
    seen = set()
    for operation in spec.operations():
        seen.add(await answer(api, operation, {}))
        if operation.body is not None and operation.root:
            seen.add(await answer(api, operation, example(operation.body)))
            seen.add(await answer(api, operation, without_ids(operation.body)))
    assert max(seen) < 500
    assert {200, 201, 404, 422} <= seen


async def test_what_is_stored_anywhere_is_read_back(api: Api, spec: Spec) -> None:
    """Generic storage: POST, GET, list, PUT, DELETE of whatever needs no reference."""
    stored = 0
    for template in spec.templates:
        create = spec.operation("POST", template)
        if create is None or create.body is None or template.count("/") > 1:
            continue
        reply = await api.call("POST", template, {create.root: without_ids(create.body)})
        if reply.status != 201:
            assert reply.status == 422
            continue
        stored += 1
        path = reply.body["$path"]
        read = await api.get(path)
        assert read["id"] == reply.body["id"]
        if "PUT" in spec.verbs(f"{template}/{{key}}"):
            await api.put(path, {create.root: {}})
        if "DELETE" in spec.verbs(f"{template}/{{key}}"):
            delete = spec.operation("DELETE", f"{template}/{{key}}")
            assert delete is not None
            assert (await api.call("DELETE", path)).status == delete.status
            assert (await api.call("GET", path)).status == 404
    assert stored >= 5


async def test_all_lists_and_records_have_the_specs_attributes(api: Api) -> None:
    """The test client checks every answer; here with everything shown."""
    for collection in STATEFUL:
        nested = "&nested_attributes=all" if collection in ("contacts", "bank_accounts") else ""
        body = await api.get(f"/{collection}?attributes=all&show_legacy_id=true&items_per_page=200{nested}")
        for item in body["$items"][:3]:
            await api.get(f"{item['$path']}?show_legacy_id=true")


async def test_the_seed_is_the_same_on_every_start(sandbox: Sandbox) -> None:
    """Same ids, same amounts; the second business has other ids."""
    again = Sandbox().business("Harbour Ltd").books
    books = sandbox.business("Harbour Ltd").books
    assert again.shelves == books.shelves
    second = sandbox.business("Second Business Ltd").books
    for collection in ("contacts", "sales_invoices", "ledger_accounts"):
        assert not set(second.shelf(collection)) & set(books.shelf(collection))


async def test_the_seed_opens_with_the_guides_contacts(api: Api) -> None:
    """The three of the migration guide's example, in its order."""
    body = await api.get("/contacts?show_legacy_id=true&items_per_page=3")
    assert [(item["legacy_id"], item["id"], item["displayed_as"]) for item in body["$items"]] == [
        (53117661, "f909acd78be748ad96e824b35af9749d", "HMRC Reclaimed (HMRC Rec)"),
        (53117663, "8db0c9af0e8f4def9d15667bd8e16445", "HMRC Payments (HMRC Pay)"),
        (53117843, "cbb711e2da304720beb4cc4a5d8309af", "Jessica B. Hill (Cust #12345)"),
    ]


async def test_the_seed_looks_real(api: Api) -> None:
    """Invoices in every state; legacy ids of a collection are unique."""
    body = await api.get("/sales_invoices?attributes=status&items_per_page=200&show_legacy_id=true")
    states = {item["status"]["id"] for item in body["$items"]}
    assert states == {"UNPAID", "PART_PAID", "PAID", "VOID", "DRAFT", "PRO_FORMA"}
    assert len({item["legacy_id"] for item in body["$items"]}) == 30
    totals = {name: (await api.get(f"/{name}"))["$total"] for name in ("products", "services", "contact_payments")}
    assert totals == {"products": 12, "services": 6, "contact_payments": 15}


async def test_an_unseeded_sandbox_has_a_chart_and_nothing_else() -> None:
    """seed=False."""
    books = Sandbox(seed=False).business("Harbour Ltd").books
    assert len(books.shelf("ledger_accounts")) == 69
    assert not books.shelf("contacts")
