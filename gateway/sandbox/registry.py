"""All kinds by collection. A further one is a line in its module's `KINDS`."""

from __future__ import annotations

from gateway.sandbox import (
    accounts,
    addresses,
    attachments,
    catalogue,
    contacts,
    documents,
    entries,
    payments,
    postings,
    rates,
    taxes,
)
from gateway.sandbox.kinds import Kind

KINDS: dict[str, Kind] = {
    kind.collection: kind
    for module in (
        accounts,
        addresses,
        attachments,
        catalogue,
        contacts,
        documents,
        entries,
        payments,
        postings,
        rates,
        taxes,
    )
    for kind in module.KINDS
}


def kind_of(collection: str) -> Kind:
    """The behaviour of a collection; plain storage where none is declared."""
    return KINDS.get(collection) or Kind(collection)
