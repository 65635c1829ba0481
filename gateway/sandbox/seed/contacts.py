"""Fifteen contacts: the three of the migration guide's example, then customers and suppliers."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.sandbox.books import Record, Ref

FIRST_THREE: tuple[Record, ...] = (
    {"id": "f909acd78be748ad96e824b35af9749d", "legacy_id": 53_117_661},
    {"id": "8db0c9af0e8f4def9d15667bd8e16445", "legacy_id": 53_117_663},
    {"id": "cbb711e2da304720beb4cc4a5d8309af", "legacy_id": 53_117_843},
)


@dataclass(frozen=True, slots=True)
class Contact:
    role: str
    name: str
    reference: str | None = None
    person: str = ""
    email: str = ""
    telephone: str = ""
    street: str = ""
    city: str = ""
    postal_code: str = ""
    country: str = "GB"
    delivery: str = ""
    """The street of a delivery address, "" for none."""
    tax_number: str = ""
    credit_days: int | None = None
    system: bool = False


CONTACTS = (
    Contact("CUSTOMER", "HMRC Reclaimed", "HMRC Rec", system=True),
    Contact("VENDOR", "HMRC Payments", "HMRC Pay", system=True),
    Contact(
        "CUSTOMER",
        "Jessica B. Hill",
        "Cust #12345",
        "Jessica B. Hill",
        "jessica.hill@example.com",
        "0191 4960001",
        "12 Mill Road",
        "Newcastle upon Tyne",
        "NE1 4AB",
        tax_number="GB 111 2223 33",
    ),
    Contact(
        "CUSTOMER",
        "Pike & Sons Ltd",
        "PIKE",
        "Jo Pike",
        "jo@pike.example",
        "01482 960002",
        "1 Pier Road",
        "Hull",
        "HU1 2AB",
        delivery="Unit 4, Dock Street",
        credit_days=14,
    ),
    Contact(
        "CUSTOMER",
        "Freitas Moldes Lda",
        "FREITAS",
        "Ana Freitas",
        "ana@freitas.example",
        "244 000 111",
        "Rua do Cais 7",
        "Leiria",
        "2400-013",
        "PT",
        tax_number="509000000",
    ),
    Contact(
        "CUSTOMER",
        "Café Zoë",
        "ZOE",
        "Zoë Müller",
        "zoe@cafe.example",
        "0113 4960003",
        "8 The Headrow",
        "Leeds",
        "LS1 6PU",
        tax_number="GB 222 3334 44",
        credit_days=0,
    ),
    Contact(
        "CUSTOMER",
        "Northgate Books",
        "NORTH",
        "Samir Patel",
        "samir@northgate.example",
        "01904 960004",
        "22 Stonegate",
        "York",
        "YO1 8AS",
        delivery="Back door, 3 Swinegate",
    ),
    Contact(
        "CUSTOMER",
        "O'Connor Catering",
        "OCON",
        "Aoife O'Connor",
        "aoife@oconnor.example",
        "01 496 0005",
        "5 Dame Street",
        "Dublin",
        "D02",
        "IE",
        tax_number="IE1234567T",
    ),
    Contact("CUSTOMER", "Weekend Market Stall", None, "", "", "", "Market Place", "Beverley", "HU17 8AA"),
    Contact(
        "CUSTOMER",
        "Lighthouse Trust",
        "LIGHT",
        "Grace Adeyemi",
        "grace@lighthouse.example",
        "01723 960006",
        "Harbour Master's House",
        "Scarborough",
        "YO11 1PG",
        credit_days=60,
    ),
    Contact(
        "VENDOR",
        "Clay & Glaze Supplies",
        "CLAY",
        "Martin Webb",
        "martin@clay.example",
        "01782 960007",
        "Pottery Lane",
        "Stoke-on-Trent",
        "ST1 3PF",
        tax_number="GB 333 4445 55",
    ),
    Contact(
        "VENDOR",
        "Tidewater Freight",
        "TIDE",
        "Ruth King",
        "ruth@tidewater.example",
        "01472 960008",
        "Dock Office",
        "Grimsby",
        "DN31 3LL",
        credit_days=7,
    ),
    Contact("VENDOR", "Yorkshire Power", "POWER", "", "", "0345 4960009", "1 Grid Way", "Leeds", "LS9 8AA"),
    Contact(
        "VENDOR",
        "Quayside Lettings",
        "QUAY",
        "Tom Archer",
        "tom@quayside.example",
        "01482 960010",
        "14 Humber Dock",
        "Hull",
        "HU1 1TB",
    ),
    Contact("VENDOR", "Stationery Direct", None, "Orders", "orders@stationery.example"),
)


def contact_fields(contact: Contact) -> Record:
    """The record that v3.1 holds, before its nested parts have their own records."""
    fields: Record = {
        "name": contact.name,
        "reference": contact.reference,
        "contact_types": [Ref("contact_types", contact.role)],
        "tax_number": contact.tax_number or None,
        "notes": "",
        "credit_days": contact.credit_days,
        "system": contact.system,
    }
    if contact.street:
        fields["main_address"] = _address(contact, contact.street)
    if contact.delivery:
        fields["delivery_address"] = _address(contact, contact.delivery)
    if contact.person or contact.telephone:
        fields["main_contact_person"] = {
            "name": contact.person or "Main Contact",
            "telephone": contact.telephone,
            "mobile": "",
            "email": contact.email,
        }
    return fields


def _address(contact: Contact, street: str) -> Record:
    return {
        "address_line_1": street,
        "address_line_2": "",
        "city": contact.city,
        "region": "",
        "postal_code": contact.postal_code,
        "country": Ref("countries", contact.country),
    }
