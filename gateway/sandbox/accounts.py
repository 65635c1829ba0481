"""Bank accounts, ledger accounts and tax rates."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from gateway.sandbox.books import Books, Record, Ref, pointing
from gateway.sandbox.kinds import Kind
from gateway.sandbox.postings import balance
from gateway.sandbox.problems import invalid

GROUPS = {
    "SALES": "INCOME",
    "OTHER_INCOME": "INCOME",
    "DIRECT_EXPENSES": "EXPENSE",
    "OVERHEADS": "EXPENSE",
    "DEPRECIATION": "EXPENSE",
    "CURRENT_LIABILITY": "LIABILITY",
    "FUTURE_LIABILITY": "LIABILITY",
    "LINE_OF_CREDIT": "LIABILITY",
    "TAXES": "LIABILITY",
    "EQUITY": "EQUITY",
}
"""Ledger account type -> group; all others are assets."""

AREAS = ("sales", "banking", "expenses", "other_payments", "other_receipts", "journals", "reporting")


def account_title(_books: Books, account: Record) -> str:
    """`Sales Type A (4000)`: the nominal code padded to four digits."""
    return f"{account['display_name']} ({account['nominal_code']:04d})"


def settle_account(books: Books, new: Record, old: Record | None) -> None:
    code = new.get("nominal_code")
    if any(a.get("nominal_code") == code and a["id"] != new.get("id") for a in books.live("ledger_accounts")):
        raise invalid("has already been taken", "nominal_code")
    new["display_name"] = new.get("display_name") or new["name"]
    if old is None:
        new.setdefault("fixed_tax_rate", False)
        new.setdefault("is_control_account", False)
        for area in AREAS:
            new.setdefault(f"visible_in_{area}", area in ("journals", "reporting"))
    kind = new["ledger_account_type"].id
    new["ledger_account_group"] = Ref("ledger_account_groups", GROUPS.get(kind, "ASSET"))
    if not new.get("ledger_account_classification"):
        new["ledger_account_classification"] = Ref("ledger_account_classifications", GROUPS.get(kind, "ASSET"))


def balance_details(books: Books, account: Record, query: Mapping[str, str]) -> Record:
    """Between `from_date` and `to_date`, both included; over all time where they are not given."""
    from_date, to_date = query.get("from_date", "")[:10], query.get("to_date", "9999")[:10]
    debits, credits_ = balance(books, Ref("ledger_accounts", account["id"]), from_date, to_date)
    net = debits - credits_
    return {
        "balance": abs(net),
        "credit_or_debit": "debit" if net >= 0 else "credit",
        "credits": credits_,
        "debits": debits,
        "from_date": from_date or None,
        "to_date": None if to_date == "9999" else to_date,
    }


def _visible(expected: bool, _books: Books, account: Record, area: str) -> bool:
    return bool(account.get(f"visible_in_{area}")) is expected


def _scopes(_books: Books, account: Record) -> list[str]:
    return [area for area in AREAS if account.get(f"visible_in_{area}")]


def settle_bank(books: Books, new: Record, old: Record | None) -> None:
    """A new bank account brings a ledger account along unless it names one."""
    details = new.get("bank_account_details") or {}
    if old is None:
        new.setdefault("is_active", True)
        new.setdefault("currency", Ref("currencies", "GBP"))
        new.setdefault("editable", True)
        new.setdefault("default_payment_method", Ref("payment_methods", "ELECTRONIC"))
    elif new.get("currency") != old.get("currency"):
        raise invalid("cannot be changed", "currency_id")
    if new.get("ledger_account") is None:
        name = details.get("account_name") or "Bank account"
        new["ledger_account"] = _bank_ledger(books, name, new.get("nominal_code"))
    ledger = books.at(new["ledger_account"])
    new["nominal_code"] = ledger["nominal_code"] if ledger else None
    if isinstance(new.get("main_address"), dict):
        new["main_address"] = _bank_address(books, new, old)


def _bank_ledger(books: Books, name: str, code: int | None) -> Ref:
    taken = {a.get("nominal_code") for a in books.live("ledger_accounts")}
    if code in taken:
        raise invalid("has already been taken", "nominal_code")
    free = code or next(n for n in range(1200, 100_000, 10) if n not in taken)
    account: Record = {
        **books.fresh(),
        "name": name,
        "nominal_code": free,
        "included_in_chart": True,
        "ledger_account_type": Ref("ledger_account_types", "BANK"),
        "visible_in_banking": True,
    }
    settle_account(books, account, None)
    return Ref("ledger_accounts", books.add("ledger_accounts", account)["id"])


def _bank_address(books: Books, new: Record, old: Record | None) -> Ref:
    fields: Record = {
        "address_type": Ref("address_types", "ACCOUNTS"),
        "name": "Main Address",
        "is_main_address": True,
        **new["main_address"],
        "bank_account": Ref("bank_accounts", new["id"]),
    }
    before: Any = books.at(old.get("main_address")) if old else None
    if before is None:
        return Ref("addresses", books.add("addresses", fields)["id"])
    kept = {name: before[name] for name in ("id", "legacy_id", "created_at") if name in before}
    before.clear()
    before.update(**kept, **fields)
    books.touch(before)
    return Ref("addresses", before["id"])


def bank_balance(books: Books, bank: Record) -> Decimal:
    debits, credits_ = balance(books, bank["ledger_account"])
    return debits - credits_


def bank_used(books: Books, bank: Record) -> bool:
    return any(pointing(books.live("contact_payments"), "bank_account", bank["id"])) or any(
        pointing(books.live("other_payments"), "bank_account", bank["id"])
    )


def remove_bank(books: Books, bank: Record, _reason: str) -> None:
    if bank_used(books, bank):
        raise invalid("This bank account cannot be deleted because it has activity.", "base")
    books.delete(bank)


def bank_title(_books: Books, bank: Record) -> str | None:
    details = bank.get("bank_account_details") or {}
    return f"{details.get('account_name') or 'Bank account'} ({bank.get('nominal_code')})"


def _active(_books: Books, bank: Record, text: str) -> bool:
    return text != "true" or bool(bank.get("is_active", True))


KINDS = (
    Kind(
        "ledger_accounts",
        title=account_title,
        settle=settle_account,
        derived={
            "visible_scopes": _scopes,
            "display_formatted": lambda _b, a: f"{a['nominal_code']:04d} - {a['display_name']}",
        },
        asked={"balance_details": balance_details},
        flagged={"balance_details": "show_balance_details"},
        needs={"show_balance_details": ("from_date", "to_date")},
        filters={
            "visible_in": lambda b, a, area: _visible(True, b, a, area),
            "not_visible_in": lambda b, a, area: _visible(False, b, a, area),
            "from_date": lambda _b, _a, _text: True,
            "to_date": lambda _b, _a, _text: True,
        },
        searched=("name", "display_name", "nominal_code"),
    ),
    Kind(
        "bank_accounts",
        title=bank_title,
        settle=settle_bank,
        remove=remove_bank,
        derived={"balance": bank_balance, "deletable": lambda books, bank: not bank_used(books, bank)},
        filters={"filter_inactive_bank_accounts": _active},
    ),
    Kind("coa_accounts", title=lambda _books, account: f"{account['name']} ({account['nominal_code']:04d})"),
    Kind(
        "ledger_account_types",
        filters={"ledger_account_classification_id": lambda _b, kind, text: GROUPS.get(kind["id"], "ASSET") == text},
    ),
    Kind(
        "ledger_account_classifications",
        filters={"ledger_account_type_id": lambda _b, one, text: GROUPS.get(text, "ASSET") == one["id"]},
    ),
)
