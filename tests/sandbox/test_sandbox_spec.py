"""The spec's reader."""

from __future__ import annotations

from gateway.sandbox import Spec


def test_paths_match_with_and_without_a_key(spec: Spec) -> None:
    """A path below /v3.1 names a template and a key; fixed words win over keys."""
    assert spec.match("/contacts") == ("/contacts", "")
    assert spec.match("/contacts/f909") == ("/contacts/{key}", "f909")
    assert spec.match("/sales_invoices/1a/release") == ("/sales_invoices/{key}/release", "1a")
    assert spec.match("/businesses/lead") == ("/businesses/lead", "")
    assert spec.match("/contacts/") is None
    assert spec.match("/contacts/{key}") == ("/contacts/{key}", "{key}")
    assert spec.match("/nothing") is None
    assert spec.match("/") is None


def test_all_of_the_spec_is_kept(spec: Spec) -> None:
    """173 paths, 293 operations."""
    assert len(spec.templates) == 173
    assert len(list(spec.operations())) == 293


def test_required_and_writable_reach_into_lists(spec: Spec) -> None:
    """Attributes of items are named through their list."""
    assert spec.required("POST", "/sales_invoices") == {
        "contact_id",
        "date",
        "invoice_lines",
        "invoice_lines.description",
        "invoice_lines.ledger_account_id",
        "invoice_lines.unit_price",
    }
    assert spec.required("PUT", "/contacts/{key}") == frozenset()
    assert spec.required("GET", "/contacts") == frozenset()
    writable = spec.writable("PUT", "/contacts/{key}")
    assert "main_address.address_line_1" in writable
    assert "email" not in writable
    assert spec.writable("POST", "/countries") == {}


def test_lengths_bind_where_one_writes(spec: Spec) -> None:
    """The full text states lengths on the reading side; the trimmed one on the writing side too."""
    assert spec.writable("POST", "/contacts")["reference"].max_length == 10
    assert spec.writable("POST", "/contacts")["main_address.address_line_1"].max_length == 50
    assert spec.writable("POST", "/sales_invoices")["reference"].max_length == 25


def test_queries_know_types_and_enums(spec: Spec) -> None:
    """Types, enums, sort attributes and limits of query parameters."""
    query = spec.query("GET", "/ledger_accounts")
    assert "sales" in query["visible_in"].enum
    assert query["items_per_page"].maximum == 200
    assert spec.query("GET", "/sales_invoices")["sort"].sorts == (
        "created_at",
        "updated_at",
        "date",
        "due_date",
    )
    assert spec.query("GET", "/nothing") == {}


def test_schemas_of_answers(spec: Spec) -> None:
    """A list names the schema of its items."""
    assert spec.record_schema("/contacts") == "Contact"
    assert spec.record_schema("/financial_settings") == "FinancialSettings"
    assert spec.record_schema("/nothing") == ""
    assert next(iter(spec.readable("Contact"))) == "legacy_id"
    assert spec.readable("Contact")["main_address"].schema == "Address"
    assert spec.readable("Nothing") == {}


def test_idempotency_is_where_the_facts_list_it(spec: Spec) -> None:
    """Contacts take an idempotency_id, attachments and tax rates do not (v31.md §9)."""
    takes = {
        operation.template
        for operation in spec.operations()
        if operation.body and "idempotency_id" in operation.body.attributes
    }
    assert {"/contacts", "/sales_invoices/{key}", "/contact_payments", "/ledger_accounts"} <= takes
    assert not {"/attachments", "/tax_rates", "/user", "/businesses/{key}"} & takes
