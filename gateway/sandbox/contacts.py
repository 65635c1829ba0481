"""Contacts: one role each, a unique reference, addresses and a person as records of their own."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from gateway.sandbox.books import Books, Record, Ref, pointing
from gateway.sandbox.kinds import Kind
from gateway.sandbox.problems import invalid
from gateway.sandbox.values import ZERO

WITH_CONTACT = (
    "sales_invoices",
    "purchase_invoices",
    "sales_credit_notes",
    "purchase_credit_notes",
    "sales_quotes",
    "sales_estimates",
    "sales_quick_entries",
    "purchase_quick_entries",
    "contact_payments",
    "other_payments",
)
ADDRESSES = {
    "main_address": ("Main Address", "ACCOUNTS", True),
    "delivery_address": ("Delivery Address", "DELIVERY", False),
}


def displayed_as(_books: Books, contact: Record) -> str:
    """`Name (reference)`, or the name alone."""
    reference = contact.get("reference")
    return f"{contact['name']} ({reference})" if reference else str(contact["name"])


def is_role(contact: Record, role: str) -> bool:
    """Whether a contact is `CUSTOMER` or `VENDOR`."""
    return Ref("contact_types", role) in contact.get("contact_types", ())


def settle(books: Books, new: Record, old: Record | None) -> None:
    """Checks role and reference, then gives the nested parts their own records."""
    if len(new.get("contact_types", ())) != 1:
        raise invalid("Only one contact type is allowed.", "contact_type_ids")
    reference = new.get("reference")
    others = (c for c in books.live("contacts") if c["id"] != new.get("id"))
    if reference and any(str(c.get("reference")).casefold() == reference.casefold() for c in others):
        raise invalid("has already been taken", "reference")
    if old is None:
        _defaults(books, new)
    contact = Ref("contacts", new["id"])
    for name in ADDRESSES:
        if isinstance(new.get(name), dict):
            new[name] = _address(books, name, new[name], contact, old)
    if isinstance(new.get("main_contact_person"), dict):
        new["main_contact_person"] = _person(books, new, contact, old)


def _defaults(books: Books, new: Record) -> None:
    new.setdefault("currency", Ref("currencies", "GBP"))
    new.setdefault("locale", "en-GB")
    new.setdefault("system", False)
    new.setdefault("is_active", True)
    new.setdefault("destination_vat_blocking", False)
    treatment = dict.fromkeys(("eu_tax_registered", "eu_not_tax_registered", "rest_of_world_tax"), False)
    new.setdefault("tax_treatment", {"home_tax": True, **treatment, "is_importer": False})


def _address(books: Books, name: str, sent: Record, contact: Ref, old: Record | None) -> Ref:
    """The address as sent, under the id it had: what is not mentioned is gone (v31_resources.md, Part A)."""
    label, kind, main = ADDRESSES[name]
    fields = {
        "address_type": Ref("address_types", kind),
        "name": label,
        "is_main_address": main,
        **sent,
        "contact": contact,
    }
    return _written(books, "addresses", fields, old.get(name) if old else None)


def _person(books: Books, new: Record, contact: Ref, old: Record | None) -> Ref:
    """The person as sent, hung on the main address, which is made empty where there is none."""
    if not isinstance(new.get("main_address"), Ref):
        new["main_address"] = _address(books, "main_address", {}, contact, None)
    types = [Ref("contact_person_types", "ACCOUNTS")]
    fields = {
        "contact_person_types": types,
        "name": "Main Contact",
        "is_main_contact": True,
        "is_preferred_contact": False,
        "address": new["main_address"],
        **new["main_contact_person"],
    }
    return _written(books, "contact_persons", fields, old.get("main_contact_person") if old else None)


def _written(books: Books, collection: str, fields: Record, before: Any) -> Ref:
    record = books.at(before) if isinstance(before, Ref) else None
    if record is None:
        return Ref(collection, books.add(collection, fields)["id"])
    kept: Record = {name: record[name] for name in ("id", "legacy_id", "created_at") if name in record}
    record.clear()
    record.update({**kept, **fields})
    books.touch(record)
    return Ref(collection, record["id"])


def remove(books: Books, contact: Record, _reason: str) -> None:
    """A contact that is used, or the system's own, cannot be deleted."""
    if not deletable(books, contact):
        raise invalid("This contact cannot be deleted because it is in use.", "base")
    for address in pointing(books.live("addresses"), "contact", contact["id"]):
        for person in pointing(books.live("contact_persons"), "address", address["id"]):
            books.delete(person)
        books.delete(address)
    books.delete(contact)


def deletable(books: Books, contact: Record) -> bool:
    used = (any(pointing(books.live(name), "contact", contact["id"])) for name in WITH_CONTACT)
    return not contact.get("system") and not any(used)


OWED = {
    "sales_invoices": 1,
    "purchase_invoices": 1,
    "sales_credit_notes": -1,
    "purchase_credit_notes": -1,
    "payments_on_account": -1,
}


def balance(books: Books, contact: Record) -> Decimal:
    """What the contact owes us (customers) or we owe the contact (vendors), in our currency. Drafts owe nothing."""
    return sum(
        (
            sign * document["base_currency_outstanding_amount"]
            for name, sign in OWED.items()
            for document in pointing(books.live(name), "contact", contact["id"])
            if document["status"].id not in ("DRAFT", "PRO_FORMA")
        ),
        ZERO,
    )


def email(books: Books, contact: Record) -> str | None:
    """The main contact person's address: it is not written on the contact itself any more."""
    person = books.at(contact.get("main_contact_person"))
    return person.get("email") if person else None


def links(_books: Books, contact: Record) -> list[Record]:
    side = "customers" if is_role(contact, "CUSTOMER") else "suppliers"
    number = contact.get("legacy_id", contact["id"])
    href = f"https://accounts-extra.sageone.com/contacts/{side}/{number}"
    return [{"href": href, "rel": "alternate", "type": "text/html"}]


def _has_email(books: Books, contact: Record, text: str) -> bool:
    """The filter matches every person of the contact."""
    for address in pointing(books.live("addresses"), "contact", contact["id"]):
        for person in pointing(books.live("contact_persons"), "address", address["id"]):
            if str(person.get("email") or "").casefold() == text.strip().casefold():
                return True
    return False


KINDS = (
    Kind(
        "contacts",
        title=displayed_as,
        settle=settle,
        remove=remove,
        derived={"balance": balance, "email": email, "deletable": deletable, "links": links},
        flagged={
            "balance": "show_balance",
            "has_unfinished_recurring_invoices": "show_unfinished_recurring_invoices_status",
        },
        filters={
            "email": _has_email,
            "exclude_system": lambda _b, c, text: text != "true" or not c.get("system"),
            "filter_inactive_contacts": lambda _b, c, text: text != "true" or bool(c.get("is_active", True)),
        },
        searched=("name", "reference"),
    ),
)
