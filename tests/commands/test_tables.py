"""The catalogue says of each resource what becomes of it."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.resources.registry import TABLES


def printed(*words: str) -> str:
    made = CliRunner().invoke(app, ["tables", *words])
    assert made.exit_code == 0, made.output
    return made.output


def test_every_resource_has_a_row_and_a_page():
    """The overview comes first, then a page for each."""
    text = printed()
    for table in TABLES:
        assert f"\n## {table.family}/v2/{table.path.replace('*', '{id}')}\n" in text


def test_short():
    """Only the overview: no attributes."""
    assert "##" not in printed("--short")
    assert printed("--short") in printed()


@pytest.mark.parametrize(
    ("resource", "line"),
    [
        ("services", "| `period_type` | yes | kept by the gateway: v3.1's services have no period |"),
        ("services", "| `description` | yes | description (text, at most 255 characters; more is kept) |"),
        ("contacts", "| `main_address.postcode` | yes | postal_code (text, at most 10 characters) |"),
        ("period_types", "GET list, GET. v3.1: none: a fixed list. Known from: v1-recorded."),
        ("sales_invoices", "GET list, GET, POST, PUT, DELETE, PDF. v3.1: `/sales_invoices`. Known from: client-seen."),
        ("artefact_statuses", "Also as `payment_statuses`."),
        ("products", "Lists come in v3.1's order, which has no sort here."),
        ("sales_invoices", "Lists are sorted by v3.1, `date:desc`."),
    ],
)
def test_a_page(resource: str, line: str):
    """Verbs, v3.1's calls, what is kept and why, limits, further names, order, and how well it is known."""
    assert line in printed(resource).splitlines()


def test_the_overview():
    """What is kept and what is not served is named."""
    rows = {row.split("|")[1].strip(): row for row in printed("--short").splitlines()[2:] if row}
    assert "`extra_info`, `period_type`" in rows["`services`"]
    assert "computed" in rows["`core/v2/me`"]


def test_unknown_resource():
    """It names those that there are."""
    made = CliRunner().invoke(app, ["tables", "widgets"])
    assert made.exit_code == 2
    assert "contacts" in made.output
