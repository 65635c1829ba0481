"""How records of a kind are read."""

from __future__ import annotations

from gateway.resources.registry import KINDS, TABLES


def test_what_a_table_serves_can_be_read():
    """A kind with a collection of its own is read there, whichever table holds its records inside others and is found
    first: the ledger accounts of the chart."""
    unread = [
        table.path
        for table in TABLES
        if table.v3 == table.kind and not table.singleton and KINDS[table.kind].path is None
    ]
    assert unread == []
    assert KINDS["ledger_accounts"].path == "/ledger_accounts"


def test_other_payments_are_two_kinds():
    """Each list is narrowed to its transaction type, so that an income's id is never found among the expenses."""
    assert KINDS["other_receipts"].path == KINDS["other_payments"].path == "/other_payments"
    assert KINDS["other_receipts"].query == (("transaction_type_id", "OTHER_RECEIPT"),)
    assert KINDS["other_payments"].query == (("transaction_type_id", "OTHER_PAYMENT"),)
