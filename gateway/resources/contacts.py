"""`contacts` (v2.md §6.5). Systems contacts such as "HMRC Payments" show in lists, as they did."""

from __future__ import annotations

from typing import Any

from gateway.resources._parts import ADDRESS, ADDRESS_KEPT, CONTACT_TYPES, LOCK_VERSION, STAMPS
from gateway.translate.calls import Call
from gateway.translate.codecs import plain, text
from gateway.translate.pages import DEFAULT_SIZE, LARGEST_PAGE, LARGEST_WINDOW, Window
from gateway.translate.plans import Plan, down_all, gather, listing
from gateway.translate.queries import WINDOW, Filter
from gateway.translate.resource import Table
from gateway.translate.rules import Computed, Field, Identity, Nested, Reference, Unsupported
from gateway.translate.writing import Writing

PERSON = "main_contact_person"
LONGEST_NAME = 100
"""Characters of a contact's name in v3.1; a person's has 50."""
NO_ADDRESS = {
    "$key": 0,
    **dict.fromkeys(("street_one", "street_two", "town", "county", "postcode"), ""),
    "country": {"$key": None},
}
"""A main address that is not there. v2 always had one, blank at worst (v2.md §6.5, recorded): clients read its texts,
and its `$key` into a type that holds no null (v2.md §4.2)."""


def person(writing: Writing) -> Any:
    """v3.1 wants a name; a contact without a company goes by its person's, which may be longer here."""
    return plain(writing.sent.get("name"))[:LONGEST_NAME] or None


def both_names(company: str | None, name: str | None) -> str:
    """`Company (Name)`, or the one there is (v2.md §6.5, recorded)."""
    if company and name:
        return f"{company} ({name})"
    return company or name or ""


def by_type_in_v1(call: Call) -> bool:
    """v1 gave the contacts of a type as a bare array (v2.md §4.1, recorded)."""
    return call.version == "v1" and "contact_type_id" in call.params


def listed(call: Call) -> Plan:
    """GET list. A bare array tells no total, so its reader knows of no second window: unless it asks for one, all
    rows come, up to the largest window (inferred)."""
    if not by_type_in_v1(call) or not WINDOW.isdisjoint(call.params):
        return (yield from listing(call))
    rows = Window(0, LARGEST_WINDOW, LARGEST_PAGE)
    yield from gather(call, rows)
    return down_all(call, rows.rows, (rows.total, 0, DEFAULT_SIZE))


TABLES = (
    Table(
        "contacts",
        Identity(),
        Field(
            "company",
            "name",
            text(LONGEST_NAME),
            aliases=("company_name",),
            default=person,
            required="This field is required.",
        ),
        Field("name", f"{PERSON}.name", text(50)),
        Computed("name_and_company_name", of=("name", f"{PERSON}.name"), told=both_names),
        Reference(
            "contact_types",
            to=CONTACT_TYPES,
            many=True,
            single="contact_type",
            required=("Must specify either customer or supplier", "base"),
        ),
        Unsupported("contact_types", "v2 took the type as contact_type_id; the list that it showed changes nothing"),
        Field("email", f"{PERSON}.email", text(100)),
        Field("telephone", f"{PERSON}.telephone", text(50)),
        Field("mobile", f"{PERSON}.mobile", text(50)),
        Field("notes", codec=text(4000)),
        Field("tax_number", codec=text(255), aliases=("tax_reference",)),
        Nested("main_address", of=ADDRESS, holds="addresses", keep=ADDRESS_KEPT, absent=NO_ADDRESS),
        Nested("delivery_address", of=ADDRESS, holds="addresses", keep=ADDRESS_KEPT),
        *STAMPS,
        LOCK_VERSION,
        v3="contacts",
        root="contact",
        verbs="list one create update delete",
        filters=(
            Filter("search"),
            Filter("email"),
            Filter(
                "contact_type",
                "contact_type_id",
                to=CONTACT_TYPES,
                aliases=("contact_type_id", "contact.contact_type"),
            ),
        ),
        expands=("list", "one"),
        parts={
            PERSON: (
                "job_title",
                "fax",
                "contact_person_type_ids",
                "is_main_contact",
                "is_preferred_contact",
                "address_id",
            )
        },
        plans={"list": listed},
        bare=by_type_in_v1,
        serial=True,
        notes="v1's list with contact_type_id is a bare array.",
        known="client-seen",
    ),
)
