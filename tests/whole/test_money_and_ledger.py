"""Money in and out, journals and the ledger, through the whole gateway: what is booked is what was said."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.whole.conftest import Whole

YEAR = "from_date=2025-01-01&to_date=2025-12-31"


async def rows(whole: Whole, path: str) -> list[dict[str, Any]]:
    status, body = await whole.call("GET", path)
    assert status == 200, body
    return list(body if isinstance(body, list) else body["$resources"])


async def bank(whole: Whole) -> dict[str, Any]:
    return (await rows(whole, "bank_accounts"))[0]


async def balance(whole: Whole, account: int) -> Decimal:
    """An account's balance, debits positive."""
    status, shown = await whole.call("GET", f"ledger_accounts/{account}/balance?{YEAR}")
    assert status == 200, shown
    return Decimal(shown["debits"]) - Decimal(shown["credits"])


async def test_an_income_by_ledger_accounts(whole: Whole):
    """Money comes into the bank and out of the income's account; the tax that was sent is booked, voiding undoes it,
    and its id is no expense's."""
    account, kind = await bank(whole), (await rows(whole, "income_types"))[0]
    ends = account["ledger_account"]["id"], kind["id"]
    before = [await balance(whole, end) for end in ends]
    sent = {"date": "2025-08-01", "amount": "100", "tax_amount": "20", "tax_code_id": 2, "tax_percentage_rate": "5.0"}
    sent |= {"source_id": kind["id"], "destination_id": ends[0], "payment_method_id": 2, "reference": "Foo"}
    status, made = await whole.call("POST", "incomes", {"income": sent})
    assert status == 201, made
    shown = {name: made[name] for name in ("amount", "tax_amount", "gross_amount", "tax_percentage_rate", "reference")}
    assert list(shown.values()) == ["100.0", "20.0", "120.0", "5.0", "Foo"]
    assert (made["source"]["id"], made["destination"]["id"]) == (kind["id"], ends[0])
    assert (made["bank_account_id"], made["payment_method"]["id"]) == (account["id"], 2)
    after = [await balance(whole, end) for end in ends]
    assert [new - old for old, new in zip(before, after, strict=True)] == [Decimal(120), Decimal(-100)]
    assert (await whole.call("GET", f"expenses/{made['id']}"))[0] == 404
    assert made["id"] in [row["id"] for row in await rows(whole, "incomes?$itemsPerPage=200")]
    assert made["id"] not in [row["id"] for row in await rows(whole, "expenses?$itemsPerPage=200")]
    status, gone = await whole.call("DELETE", f"incomes/{made['id']}")
    assert (status, gone["voided"], gone["lock_version"]) == (200, True, made["lock_version"] + 1)
    assert [await balance(whole, end) for end in ends] == before


async def test_an_expense_by_bank_account(whole: Whole):
    """Money goes out of the bank, the tax is reckoned by the rate, and a change of the amount takes the tax along."""
    account, kind = await bank(whole), (await rows(whole, "expense_types"))[0]
    sent = {"date": "2025-08-01", "amount": "58.03", "tax_rate_id": 1, "ledger_account_id": kind["id"]}
    sent |= {"bank_account_id": account["id"], "payment_type_id": 1}
    before = await balance(whole, account["ledger_account"]["id"])
    status, made = await whole.call("POST", "expenses", {"expense": sent})
    assert status == 201, made
    assert (made["tax_amount"], made["gross_amount"], made["tax_percentage_rate"]) == ("11.61", "69.64", "20.0")
    assert made["source"]["id"] == account["ledger_account"]["id"]
    assert made["destination"]["id"] == kind["id"]
    status, changed = await whole.call("PUT", f"expenses/{made['id']}", {"expense": {"amount": "100"}})
    assert status == 200, changed
    assert (changed["amount"], changed["tax_amount"], changed["gross_amount"]) == ("100.0", "20.0", "120.0")
    assert changed["destination"]["id"] == kind["id"]
    whole_back = {**changed, "reference": "Diesel"}
    status, changed = await whole.call("PUT", f"expenses/{made['id']}", {"expense": whole_back})
    assert (status, changed["reference"], changed["gross_amount"]) == (200, "Diesel", "120.0")
    assert await balance(whole, account["ledger_account"]["id"]) == before - 120
    assert (await whole.call("GET", f"incomes/{made['id']}"))[0] == 404


async def test_a_journal_by_nominal_codes(whole: Whole):
    """Its lines are booked to the accounts of the codes, and are found in the ledger and among the transactions."""
    types = await rows(whole, "ledger_accounts")
    one, two = [row for row in types if not row["is_bank_account"]][:2]
    lines = [
        {"ledger_account": {"nominal_code": one["nominal_code"]}, "credit": "50.0", "debit": "0.0", "details": "d"},
        {"ledger_account": {"nominal_code": two["nominal_code"]}, "credit": "0.0", "debit": "50.0", "details": "d"},
    ]
    before = await balance(whole, two["id"])
    sent = {"date": "2025-08-02", "reference": "ref001", "description": "text", "journal_lines": lines}
    status, made = await whole.call("POST", "journals", {"journal": sent})
    assert status == 201, made
    accounts = [line["ledger_account"]["nominal_code"] for line in made["journal_lines"]]
    assert accounts == [one["nominal_code"], two["nominal_code"]]
    assert await balance(whole, two["id"]) == before + 50
    status, again = await whole.call("GET", f"journals/{made['id']}")
    assert (status, again) == (200, made)
    entries = await rows(whole, f"ledger_entries?ledger_account={two['id']}&from_date=2025-08-02&to_date=2025-08-02")
    assert [entry["ledger_account"]["nominal_code"] for entry in entries] == [two["nominal_code"]]
    assert await whole.call("GET", f"ledger_entries/{entries[0]['id']}") == (200, entries[0])
    found = await rows(whole, "transactions?from_date=2025-08-02&to_date=2025-08-02")
    (booked,) = [row for row in found if row["reference"] == "ref001"]
    assert booked["type"]["id"] == 10
    assert {entry["ledger_account"]["id"] for entry in booked["ledger_entries"]} == {one["id"], two["id"]}


async def test_balances_and_transactions_agree_with_the_entries(whole: Whole):
    """The balances' credits are their debits, and every transaction that stands is booked on both sides."""
    shown = await rows(whole, "ledger_accounts/balances?from_date=2000-01-01&to_date=2099-12-31")
    assert shown
    assert all(Decimal(row["balance"]) > 0 for row in shown)
    signed = [Decimal(row["balance"]) * (1 if row["credit_or_debit"] == "debit" else -1) for row in shown]
    assert sum(signed) == 0
    for row in await rows(whole, "transactions"):
        assert row["ledger_entries"] or row["total"] == "0.0", str(row)
        assert sum(Decimal(one["debit"]) - Decimal(one["credit"]) for one in row["ledger_entries"]) == 0, row
