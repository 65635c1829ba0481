"""What all sales and purchase documents do: dates, totals, life cycle (v31.md §12)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from functools import partial

from gateway.sandbox.addresses import address_text
from gateway.sandbox.books import Books, Record, Ref
from gateway.sandbox.contacts import displayed_as, is_role
from gateway.sandbox.declared import DOCUMENTS, Document
from gateway.sandbox.kinds import Kind
from gateway.sandbox.numbering import UNPOSTED, choose_number, next_number, upcoming
from gateway.sandbox.outstanding import ALLOCATABLE, allocations, paid, refresh, status
from gateway.sandbox.postings import (
    CREDITORS,
    DEBTORS,
    TAX_ON_PURCHASES,
    TAX_ON_SALES,
    Entry,
    control,
    post,
    reverse,
)
from gateway.sandbox.problems import Problem, Refusal, invalid, required
from gateway.sandbox.rates import base_currency, rate_of
from gateway.sandbox.taxes import breakdown
from gateway.sandbox.totals import settle_totals
from gateway.sandbox.values import ONE, ZERO, day

WRITABLE = ("DRAFT", "PRO_FORMA", "UNPAID")
ADDRESSES = ("main_address", "delivery_address")


def settle(document: Document, books: Books, new: Record, old: Record | None) -> None:
    """Completes a document about to be stored; refuses what v3.1 refuses."""
    contact = _contact(document, books, new)
    _may_be_edited(old)
    _check_date(books, new["date"])
    _choose_status(document, new, old)
    if not new.get(document.lines):
        raise Refusal(422, required(document.lines))
    _check_prices(document, new[document.lines])
    new["currency"] = new.get("currency") or contact.get("currency") or base_currency(books)
    new["exchange_rate"] = new.get("exchange_rate") or rate_of(books, new["currency"])
    settle_totals(new, new[document.lines])
    _break_down(books, new, new[document.lines])
    taken = paid(books, old) if old is not None else 0
    if taken and new["total_amount"] < taken:
        raise invalid("The total cannot be less than the amount already paid.", "base")
    if old is not None and new["contact"] != old["contact"] and any(allocations(books, old)):
        raise invalid("The contact of a paid document cannot be changed.", "contact_id")
    if old is None or new["contact"] != old["contact"]:
        _copy_contact(document, books, new, contact, old)
    if document.due and not new.get(document.due):
        new[document.due] = _due(books, document, contact, new["date"])
    choose_number(document, books, new, old)
    if document.addresses:
        _settle_addresses(books, new, contact)
    new.setdefault("sent", False)
    new["editable"] = True
    new.setdefault("tax_calculation_method", "invoice")


def _break_down(books: Books, new: Record, lines: list[Record]) -> None:
    """Tax by rate, on each line and on the shipping, in both currencies."""
    for line in lines:
        rate = line.get("tax_rate")
        for name in ("", "base_currency_"):
            line[f"{name}tax_breakdown"] = breakdown(books, rate, line[f"{name}tax_amount"])
    rate = new.get("shipping_tax_rate")
    for name in ("", "base_currency_"):
        new[f"{name}shipping_tax_breakdown"] = breakdown(books, rate, new[f"{name}shipping_tax_amount"])


def _contact(document: Document, books: Books, new: Record) -> Record:
    contact = books.at(new.get("contact"))
    if contact is None or not is_role(contact, document.role):
        raise invalid("Couldn't find Customer." if document.sales else "Couldn't find Supplier.", "")
    return contact


def _may_be_edited(old: Record | None) -> None:
    if old is not None and status(old) == "VOID":
        raise invalid("You cannot edit a void document.", "base")
    if old is not None and old.get("tax_reconciled"):
        raise invalid("You cannot edit VAT reconciled transactions.", "base")


def _check_date(books: Books, date: str) -> None:
    start = books.singletons.get("financial_settings", {}).get("accounts_start_date")
    if start and date < start:
        raise invalid("The date cannot be before the accounts start date.", "date")


def _check_prices(document: Document, lines: list[Record]) -> None:
    """A quantity that is not sent is 1; nothing else can be reckoned from nothing."""
    usual = (("quantity", ONE), ("unit_price", None))
    blank = [name for name, given in usual if any(line.get(name, given) is None for line in lines)]
    if blank:
        raise Refusal(422, *(required(f"{document.lines}.{name}") for name in blank))


def _choose_status(document: Document, new: Record, old: Record | None) -> None:
    """A status is chosen when a document is made; later only release, payments and voids change it."""
    if document.statuses != "artefact_statuses":
        new.setdefault("status", Ref(document.statuses, document.first))
        return
    if old is None:
        new["status"] = new.get("status") or Ref(document.statuses, document.first)
        if status(new) not in WRITABLE:
            raise invalid("is not included in the list", "status_id")
    elif new.get("status") != old["status"]:
        raise invalid("cannot be changed", "status_id")


def _copy_contact(document: Document, books: Books, new: Record, contact: Record, old: Record | None) -> None:
    """What a document keeps of its contact even if the contact changes later."""
    before = old or {}
    if new.get("contact_name") in (None, before.get("contact_name")):
        new["contact_name"] = displayed_as(books, contact)
    if new.get("contact_reference") in (None, before.get("contact_reference")):
        new["contact_reference"] = contact.get("reference")
    for name in ADDRESSES if document.addresses else ():
        source = books.at(contact.get(name))
        if source is not None and new.get(name) in (None, before.get(name)):
            new[name] = {
                **books.fresh(),
                **{
                    n: v for n, v in source.items() if n.startswith(("address_", "city", "postal", "country", "region"))
                },
            }


def _settle_addresses(books: Books, new: Record, contact: Record) -> None:
    for name in ADDRESSES:
        part = new.get(name)
        if isinstance(part, dict):
            if "id" not in part:
                new[name] = part = {**books.fresh(), **part}
            label = contact["name"] if name == "main_address" else ""
            text = "\n".join(t for t in (label, address_text(books, part)) if t)
            new[f"{name}_free_form"] = text[:500]


def _due(books: Books, document: Document, contact: Record, date: str) -> str:
    """`date` plus the contact's credit days, else those of the invoice settings."""
    settings = books.singletons.get("invoice_settings", {})
    usual = settings.get("customer_credit_days" if document.sales else "vendor_credit_days", 30)
    days = contact.get("credit_days")
    start = day(date)
    assert start is not None  # noqa: S101 - checked against the spec before
    return (start + timedelta(days=usual if days is None else days)).isoformat()


def stored(document: Document, books: Books, record: Record, _old: Record | None) -> None:
    """Posts a document that is not a draft, and reckons what is outstanding."""
    if document.posts and status(record) not in UNPOSTED:
        post(books, document.collection, record, document.posts, entries(document, books, record))
    if document.collection in ALLOCATABLE:
        refresh(books, record)
    quote = books.at(record.get("original_quote_estimate"))
    if quote is not None:
        quote.update(invoice=Ref(document.collection, record["id"]), status=Ref("quote_statuses", "INVOICED"))
        books.touch(quote)


def entries(document: Document, books: Books, record: Record) -> list[Entry]:
    """Debtors against sales and VAT; creditors against expenses and VAT the other way round.

    The control account takes the sum of the rest, which in another currency may miss the rounded total by pennies.
    """
    rest = list(_rest(document, books, record))
    total = sum((entry.amount for entry in rest), ZERO)
    return [Entry(control(books, DEBTORS if document.sales else CREDITORS), -total), *rest]


def _rest(document: Document, books: Books, record: Record) -> Iterator[Entry]:
    sign = Decimal(document.sign if document.sales else -document.sign)
    for line in record[document.lines]:
        amount = -sign * line["base_currency_net_amount"]
        yield Entry(line.get("ledger_account"), amount, line.get("tax_rate"), line.get("description"))
    shipping = record.get("base_currency_shipping_net_amount", ZERO)
    yield Entry(control(books, 4905), -sign * shipping, record.get("shipping_tax_rate"))
    tax = control(books, TAX_ON_SALES if document.sales else TAX_ON_PURCHASES)
    yield Entry(tax, -sign * record["base_currency_tax_amount"])


def release(document: Document, books: Books, record: Record) -> Record:
    """A draft becomes a document that is owed, with a number."""
    if status(record) not in UNPOSTED:
        raise invalid("Only draft documents can be released.", "base")
    record["status"] = Ref("artefact_statuses", "UNPAID")
    if document.number and str(record.get(document.number, "")).endswith("DRAFT"):
        record[document.number] = next_number(document, books, record[f"{document.number}_prefix"])
    books.touch(record)
    stored(document, books, record, None)
    return record


def remove(document: Document, books: Books, record: Record, reason: str) -> None:
    """Voids a sales document that nothing has been paid on; deletes any other."""
    if any(allocations(books, record)):
        raise invalid("You cannot void or delete a document that has payments or allocations.", "base")
    if not document.voids:
        reverse(books, record)
        books.delete(record)
        return
    if status(record) == "VOID":
        raise invalid("The document is already void.", "base")
    if not reason and books.switches.strict_void_reason:
        raise Refusal(422, Problem("This field is required.", "void_reason"))
    reverse(books, record)
    record["status"] = Ref("artefact_statuses", "VOID")
    record["void_reason"] = reason[:200] or None
    record["editable"] = False
    refresh(books, record)
    books.touch(record)


def links(document: Document, _books: Books, record: Record) -> list[Record]:
    """The web app's page of a document; it ends in the modern id (v31_resources.md)."""
    area = "invoicing" if document.sales else "purchases"
    href = f"https://accounts-extra.sageone.com/{area}/{document.collection}/{record['id']}"
    return [{"href": href, "rel": "alternate", "type": "text/html"}]


def number_shown(document: Document, _books: Books, record: Record) -> str | None:
    return record.get(document.number) if document.number else record.get("reference")


def kind_of(document: Document) -> Kind:
    """The behaviour that a declaration stands for."""
    releasable = document.collection in ALLOCATABLE
    flagged = {
        "payments_allocations": "show_payments_allocations",
        "corrections": "show_corrections",
        "recurring_invoice": "show_recurring_invoice",
    }
    return Kind(
        document.collection,
        title=partial(number_shown, document),
        settle=partial(settle, document),
        stored=partial(stored, document),
        remove=partial(remove, document),
        derived={
            "links": partial(links, document),
            **({"payments_allocations": allocations} if releasable else {}),
        },
        flagged=flagged,
        searched=("contact_name", "contact_reference", "reference", "vendor_reference", document.number),
        words={"contact": "Customer" if document.sales else "Supplier"},
        targets={"status": document.statuses},
        actions={"release": partial(release, document)} if releasable else {},
    )


KINDS = (
    *(kind_of(document) for document in DOCUMENTS),
    Kind(
        "invoice_settings",
        derived={one.upcoming: partial(upcoming, one) for one in DOCUMENTS if one.upcoming},
    ),
)
