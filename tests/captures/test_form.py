"""The tests' own reading of recorded forms, on the texts that their clients' users typed."""

from __future__ import annotations

import pytest

from tests.captures.form import fields, lines, sent
from tests.captures.recorded import read_captures

BODIES = {each.line: each.message.body for each in read_captures()}


@pytest.mark.parametrize(
    ("line", "name", "typed"),
    [
        (8, "customer_company", "João Sousa, Lda"),
        (8, "main_address_street_2", "3º Esq."),
        (9, "customer_company", "Silva & Filhos + Cia"),
        (105, "name", "Smith & Sons + Co 100%=ok"),
        (105, "email", "a.b+c@example.com"),
        (105, "telephone", "+44 1"),
        (106, "name", "João Müller €"),
        (134, "name", "Joe Bloggs"),
        (150, "company", "Construções João, Lda"),
        (150, "notes", "nota (1) & *"),
        (150, "main_address.street_one", "Rua de São João"),
        (189, "company", "Ação ?10"),
        (301, "notes", "line one\nline two"),
        (425, "name", "O'Neil & Sons (UK) + Co. 100% *new* ~x! a=b;c/d?e,f:g@h"),
        (791, "reference", "Foo"),
    ],
)
def test_a_text_is_what_was_typed(line: int, name: str, typed: str) -> None:
    """In UTF-8 or ISO-8859-1, encoded or raw."""
    assert fields(sent(BODIES[line]))[name] == typed


@pytest.mark.parametrize(
    ("line", "count", "last"),
    [
        (7, 3, {"description": "Despesas de Envio", "quantity": "1", "unit_price": "3.95", "tax_rate_id": "4"}),
        (149, 3, {"description": "Montage à domicilio", "unit_price": "42.13", "quantity": "1.5"}),
        (426, 1, {"description": "Comissão — setembro", "net_amount": "123.45", "tax_rate_id": "1"}),
        (792, 1, {"description": "Line item description", "ledger_account_id": "434", "quantity": "10.0"}),
        (793, 11, {"description": "L11", "quantity": "11", "unit_price": "1.5"}),
        (843, 2, {"description": "Two", "quantity": "2"}),
    ],
)
def test_lines_are_told_apart(line: int, count: int, last: dict[str, str]) -> None:
    """By index in any order, by a name that comes again, in brackets that are closed late."""
    found = lines(sent(BODIES[line]))
    assert len(found) == count
    assert last.items() <= found[-1].items()
