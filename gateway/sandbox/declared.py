"""The documents there are, one declaration each; `documents` is the same for all of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """One kind of document.

    `posts` is its transaction type, "" where it posts nothing; `sign` is 1 where it raises what is owed and
    -1 where it lowers it; `number` and `prefix` are "" where v3.1 does not number it; `prefixed` and `upcoming`
    name the invoice settings of its prefix and its next number; `due` names the date that falls credit days
    after `date`; `statuses` is where its `status` points.
    """

    collection: str
    lines: str
    role: str
    posts: str = ""
    sign: int = 1
    number: str = ""
    prefix: str = ""
    prefixed: str = ""
    upcoming: str = ""
    due: str = ""
    first: str = "UNPAID"
    statuses: str = "artefact_statuses"
    voids: bool = False
    addresses: bool = False

    @property
    def sales(self) -> bool:
        return self.role == "CUSTOMER"


DOCUMENTS = (
    Document(
        "sales_invoices",
        lines="invoice_lines",
        role="CUSTOMER",
        posts="SALES_INVOICE",
        number="invoice_number",
        prefix="SI-",
        prefixed="sales_invoice_number_prefix",
        upcoming="next_invoice_number",
        due="due_date",
        voids=True,
        addresses=True,
    ),
    Document(
        "sales_credit_notes",
        lines="credit_note_lines",
        role="CUSTOMER",
        posts="SALES_CREDIT_NOTE",
        sign=-1,
        number="credit_note_number",
        prefix="SCN-",
        prefixed="sales_credit_note_number_prefix",
        upcoming="next_credit_note_number",
        voids=True,
        addresses=True,
    ),
    Document(
        "sales_quotes",
        lines="quote_lines",
        role="CUSTOMER",
        number="quote_number",
        prefix="SQ-",
        prefixed="quote_number_prefix",
        upcoming="next_quote_number",
        first="PENDING",
        statuses="quote_statuses",
        addresses=True,
    ),
    Document(
        "sales_estimates",
        lines="estimate_lines",
        role="CUSTOMER",
        number="estimate_number",
        prefix="SE-",
        prefixed="estimate_number_prefix",
        first="PENDING",
        statuses="quote_statuses",
        addresses=True,
    ),
    Document("purchase_invoices", lines="invoice_lines", role="VENDOR", posts="PURCHASE_INVOICE", due="due_date"),
    Document(
        "purchase_credit_notes",
        lines="credit_note_lines",
        role="VENDOR",
        posts="PURCHASE_CREDIT_NOTE",
        sign=-1,
    ),
)
