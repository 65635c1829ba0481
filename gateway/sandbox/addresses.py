"""Addresses and contact persons: records of their own that hang on a contact (v31_resources.md)."""

from __future__ import annotations

from gateway.sandbox.books import Books, Record, Ref, pointing
from gateway.sandbox.kinds import Kind
from gateway.sandbox.problems import invalid

LINES = ("address_line_1", "address_line_2", "city", "region", "postal_code")


def address_text(books: Books, address: Record) -> str | None:
    """The address on several lines, the country last; what an address is displayed as."""
    lines = [address[name] for name in LINES if address.get(name)]
    country = books.at(address.get("country"))
    if country is not None:
        lines.append(country["displayed_as"])
    return "\n".join(lines)


def settle_address(books: Books, new: Record, old: Record | None) -> None:
    if old is None:
        if not new.get("contact") and not new.get("bank_account"):
            raise invalid("This field is required.", "contact_id")
        new.setdefault("country", None)


def adopt_address(books: Books, new: Record, _old: Record | None) -> None:
    """A main or delivery address that was written by itself becomes its contact's."""
    contact = books.at(new.get("contact"))
    if contact is None:
        return
    if new.get("is_main_address"):
        for other in pointing(books.live("addresses"), "contact", contact["id"]):
            other["is_main_address"] = other is new
        contact["main_address"] = Ref("addresses", new["id"])
    elif isinstance(kind := new.get("address_type"), Ref) and kind.id == "DELIVERY":
        contact["delivery_address"] = Ref("addresses", new["id"])


def remove_address(books: Books, address: Record, reason: str) -> None:
    contact = books.at(address.get("contact"))
    books.delete(address)
    for person in pointing(books.live("contact_persons"), "address", address["id"]):
        remove_person(books, person, reason)
    for name in ("main_address", "delivery_address"):
        if contact is not None and contact.get(name) == Ref("addresses", address["id"]):
            contact[name] = None


def adopt_person(books: Books, new: Record, _old: Record | None) -> None:
    """A main contact person that was written by itself becomes its contact's."""
    address = books.at(new.get("address"))
    contact = books.at(address.get("contact")) if address else None
    if contact is not None and new.get("is_main_contact"):
        contact["main_contact_person"] = Ref("contact_persons", new["id"])


def remove_person(books: Books, person: Record, _reason: str) -> None:
    books.delete(person)
    for contact in books.live("contacts"):
        if contact.get("main_contact_person") == Ref("contact_persons", person["id"]):
            contact["main_contact_person"] = None


def _of_contact(books: Books, person: Record, key: str) -> bool:
    address = books.at(person.get("address"))
    return address is not None and address.get("contact") == Ref("contacts", key)


KINDS = (
    Kind(
        "addresses",
        title=address_text,
        settle=settle_address,
        stored=adopt_address,
        remove=remove_address,
        searched=LINES,
    ),
    Kind(
        "contact_persons",
        stored=adopt_person,
        remove=remove_person,
        filters={"contact_id": _of_contact},
    ),
    Kind("sales_artefact_addresses", title=address_text),
)
