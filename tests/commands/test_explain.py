"""`explain` tells what a v2 call becomes, without any network."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import app

INVOICE = (
    "sales_invoice[contact_id]=580&sales_invoice[date]=02/01/2016"
    "&sales_invoice[line_items_attributes][0][description]=Mug&sales_invoice[line_items_attributes][0][quantity]=2"
    "&sales_invoice[line_items_attributes][0][unit_price]=9.99&sales_invoice[line_items_attributes][0][tax_rate_id]=1"
)


def run(*words: str, stdin: str | None = None, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["explain", *words], input=stdin)
    assert result.exit_code == status, result.output
    return result.output


def asked(*words: str, stdin: str | None = None, status: int = 0) -> Any:
    return json.loads(run("--json", *words, stdin=stdin, status=status))


def test_a_create_shows_its_v31_body_and_facts():
    """An invoice becomes a JSON body; ids and the tax that only v3.1 can tell stand as placeholders."""
    made = asked("-X", "POST", "https://api.sageone.com/accounts/v2/sales_invoices", "-d", INVOICE)
    body = made["requests"][0]["body"]["sales_invoice"]
    assert (made["resource"], made["verb"]) == ("sales_invoices", "create")
    assert (body["contact_id"], body["date"]) == ("contacts-580", "2016-01-02")
    assert body["invoice_lines"][0]["tax_amount"] == "{tax_amount}"
    assert "tax_rates: the percentage on 2016-01-02 of the one that v2 knows as 1" in [
        f["question"] for f in made["facts"]
    ]


def test_data_makes_it_a_post_as_with_curl():
    """`-d` without `-X` is a POST, several are joined with &, and the word curl may stand first."""
    made = asked("curl", "/accounts/v2/contacts", "-d", "contact[contact_type_id]=1", "-d", "contact[name]=Jo")
    assert made["requests"][0]["method"] == "POST"
    assert made["requests"][0]["body"]["contact"]["name"] == "Jo"


def test_data_of_all_kinds_is_joined_in_the_order_given():
    """Rack's lists of records hang on the order."""
    line = "sales_invoice[line_items_attributes][]"
    made = asked(
        "/accounts/v2/sales_invoices",
        *("-d", "sales_invoice[contact_id]=580&sales_invoice[date]=02/01/2016"),
        *("--data-urlencode", f"{line}[description]=Blue mug", "-d", f"{line}[quantity]=2&{line}[unit_price]=1"),
        *("--data-urlencode", f"{line}[description]=Red & green", "--data-raw", f"{line}[quantity]=3"),
        *("-d", f"{line}[unit_price]=1"),
    )
    lines = made["requests"][0]["body"]["sales_invoice"]["invoice_lines"]
    assert [(one["description"], one["quantity"]) for one in lines] == [("Blue mug", "2.0"), ("Red & green", "3.0")]


@pytest.mark.parametrize("target", ["/accounts/v2/contacts", "/accounts/v2/contacts?$itemsPerPage=5"])
def test_with_g_the_data_is_the_query(target: str):
    """`-G` makes a GET of it."""
    made = asked("-G", target, "--data-urlencode", "search=Jo Pike", "-d", "$startIndex=0")
    assert made["call"]["method"] == "GET"
    assert dict(made["requests"][0]["query"])["search"] == "Jo Pike"
    assert made["call"]["target"].startswith(f"{target}{'&' if '?' in target else '?'}search=Jo%20Pike&")


@pytest.mark.parametrize(
    "flags", [["-k", "-v", "-i", "-L", "-s", "-S"], ["-sSkviL"], ["--insecure", "--verbose", "--include", "--location"]]
)
def test_what_curl_says_of_the_connection_changes_nothing(flags: list[str]):
    """A line that was pasted from elsewhere is explained as it stands."""
    assert asked("curl", *flags, "/accounts/v2/contacts/580") == asked("/accounts/v2/contacts/580")


def test_data_may_stand_in_a_file(tmp_path: Path):
    """`-d @file`, and `-d @-` for standard input."""
    file = tmp_path / "body"
    file.write_bytes(b"contact[contact_type_id]=1\r\n&contact[name]=Jo\n")
    for words, stdin in ((("-d", f"@{file}"), None), (("-d", "@-"), file.read_text())):
        made = asked("/accounts/v2/contacts", *words, stdin=stdin)
        assert made["requests"][0]["body"]["contact"]["name"] == "Jo"


def test_the_printed_calls_are_curl_lines():
    """Each v3.1 call is one curl line that a shell reads as meant."""
    line = next(line for line in run("-d", INVOICE, "/accounts/v2/sales_invoices").splitlines() if "1. curl" in line)
    words = shlex.split(line)
    assert words[2:5] == ["-X", "POST", "https://api.accounting.sage.com/v3.1/sales_invoices"]
    assert json.loads(words[-1])["sales_invoice"]["invoice_lines"][0]["quantity"] == "2.0"


def test_what_has_no_place_is_told_with_its_reason():
    """An attribute that v3.1 has no place for is listed with why, as kept if it is, and an unknown one as left out."""
    made = asked("-d", "service[description]=Dig&service[period_type_id]=3&service[foo]=1", "/accounts/v2/services")
    rules = {rule["field"]: rule["becomes"] for rule in made["rules"]}
    assert rules["period_type_id"] == "kept by the gateway: v3.1's services have no period"
    assert rules["foo"] == "v2 had no such attribute: left out"
    assert ("unmapped", "foo") in {(note["code"], note["field"]) for note in made["notes"]}
    made = asked("PUT", "/accounts/v2/sales_invoices/7", "-d", "sales_invoice[tax_scheme_period_id]=3")
    rules = {rule["field"]: rule["becomes"] for rule in made["rules"]}
    assert rules["tax_scheme_period_id"].startswith("nothing: ")
    assert ("unsupported", "tax_scheme_period_id") in {(note["code"], note["field"]) for note in made["notes"]}


def test_a_merging_update_says_that_it_reads_first():
    """A line changed by its id: the invoice is read, and the line's own id goes back."""
    made = asked(
        "PUT",
        "/accounts/v2/sales_invoices/7",
        "-d",
        "sales_invoice[line_items_attributes][0][id]=12&sales_invoice[line_items_attributes][0][quantity]=3",
    )
    assert [request["method"] for request in made["requests"]] == ["GET", "PUT", "GET"]
    assert made["requests"][1]["body"]["sales_invoice"]["invoice_lines"][0]["id"] == "sales_invoice_lines-12"
    assert "merged" in [note["code"] for note in made["notes"]]


@pytest.mark.parametrize("verb", ["GET", "DELETE"])
def test_reads_and_deletes_are_explained(verb: str):
    """A call without a body needs its method and URL alone."""
    made = asked(verb, "/accounts/v2/contacts/580")
    assert made["requests"][0]["path"] == "/contacts/contacts-580"


def test_lists_show_their_window_and_filters():
    """v2's offset becomes a page, its filters v3.1's."""
    made = asked("/accounts/v2/contacts?contact_type=1&$startIndex=30&$itemsPerPage=20")
    query = dict(made["requests"][0]["query"])
    assert (query["contact_type_id"], query["items_per_page"], query["page"]) == ("CUSTOMER", "25", "2")


def test_a_list_served_here_needs_no_call():
    """Fixed lists are the gateway's own."""
    assert "none: the gateway serves it itself" in run("/accounts/v2/period_types")


def test_a_refused_call_says_why_and_fails():
    """A call that would be refused shows the status and each diagnosis, and the exit code is 1."""
    made = asked("-d", "sales_invoice[date]=31/31/2016", "/accounts/v2/sales_invoices", status=1)
    assert made["refused"] == {"status": 422, "diagnoses": [{"message": "invalid date", "source": "date"}]}
    assert "Refused with 401" in run("/accounts/v2/nonsense", status=1)


def test_an_exchange_file_brings_its_own_facts():
    """With a recorded exchange the recorded answers and facts are used, and nothing is imagined."""
    folder = Path(__file__).parents[1] / "exchanges"
    output = run("--file", str(folder / "contacts.http"), status=1)
    assert "GET /accounts/v2/contacts/580   (contacts, one)" in output


def test_a_raw_http_message_is_read_from_standard_input():
    """A message as it went over the wire, host and all."""
    message = (
        "POST /accounts/v2/contacts HTTP/1.1\nHost: api.sageone.com\n\ncontact[contact_type_id]=1&contact[name]=Jo"
    )
    made = asked("--file", "-", stdin=message)
    assert made["requests"][0]["body"]["contact"]["contact_type_ids"] == ["CUSTOMER"]


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_the_example_in_the_help_runs_as_printed(columns: str):
    """Brackets and all, on a terminal of any width."""
    told = CliRunner().invoke(app, ["explain", "--help"], env={"COLUMNS": columns, "TERM": "dumb"}).output
    lines = iter(told.splitlines())
    next(line for line in lines if line.strip() == "Example:")
    printed = next(lines).strip()
    while printed.endswith("\\"):
        printed = printed.removesuffix("\\") + next(lines)
    program, command, *words = shlex.split(printed)
    assert (program, command) == ("sage-gateway", "explain")
    body = asked(*words)["requests"][0]["body"]
    assert body["contact"]["name"] == "Jo Pike"


@pytest.mark.parametrize(
    "words", [[], ["one", "two", "three"], ["--file", "no-such-file"], ["/x", "-d", "@no-such-file"]]
)
def test_what_cannot_be_read_is_one_sentence(words: list[str]):
    """Wrong usage is a sentence and exit code 2, never a traceback."""
    assert "cannot be read" in CliRunner().invoke(app, ["explain", *words]).output
    assert CliRunner().invoke(app, ["explain", *words]).exit_code == 2


def test_tables_prints_the_catalogue():
    """Every resource has its row, every attribute its line."""
    output = CliRunner().invoke(app, ["tables"]).output
    assert "| `sales_invoices/{id}/payments` |" in output
    assert "| `tax_number`, `tax_reference` | yes | tax_number (text, at most 255 characters; more is kept) |" in output


def test_tables_prints_one_resource_or_its_source():
    """One resource by name; its compiled source; a name that does not exist is exit code 2."""
    runner = CliRunner()
    assert runner.invoke(app, ["tables", "contacts"]).output.count("## ") == 1
    compiled = runner.invoke(app, ["tables", "contacts", "--source"]).output
    assert [f"def down_accounts_contacts{of}(" in compiled for of in ("", "_plain")] == [True, True]
    assert "_plain" not in runner.invoke(app, ["tables", "transactions", "--source"]).output
    assert runner.invoke(app, ["tables", "nonsense"]).exit_code == 2
