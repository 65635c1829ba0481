"""Files of tenants: what is read from them, and what is said of lines that are wrong."""

from __future__ import annotations

import json

import pytest

from gateway.commands.tenant_files import COLUMNS, FileWrong, read, write

HEADER = ",".join(COLUMNS)
ACCESS, REFRESH, SEED = "a1" * 20, "b2" * 20, "canary.seed"


def only(content, number=0):
    """One line of a file."""
    return list(read(content.encode()))[number]


def as_text(named):
    """A tenant with its secrets, to compare."""
    secrets = (named.seed, named.access_token, named.refresh_token)
    return (named.name, named.app, named.business, *(each and each.reveal() for each in secrets))


WHOLE = ("acme", "shop", "b1", SEED, ACCESS, REFRESH)


@pytest.mark.parametrize(
    "content",
    [
        f"{HEADER}\nacme,shop,b1,{ACCESS},{REFRESH},{SEED}\n",
        f"\ufeff{HEADER}\r\nacme,shop,b1,{ACCESS},{REFRESH},{SEED}\r\n",
        f"{HEADER};\n".replace(",", ";").replace(";\n", "\n") + f"acme;shop;b1;{ACCESS};{REFRESH};{SEED}\n",
        f'Tenant,App ,business,access_token,v31_refresh_token,refresh_token\n"acme",shop, b1,{ACCESS},{SEED},{REFRESH}',
        json.dumps(dict(zip(COLUMNS, ("acme", "shop", "b1", ACCESS, REFRESH, SEED), strict=True))),
    ],
)
def test_csv_and_json_lines_say_the_same(content):
    """With a byte order mark, another order of columns, a spreadsheet's semicolons, or without a last line break."""
    line = only(content)
    assert (as_text(line.named), line.wrong, line.hints) == (WHOLE, (), ())


def test_the_last_column_may_be_absent_and_a_token_empty():
    """Then the owner must consent, and the client has only the other token."""
    assert as_text(only(f"{','.join(COLUMNS[:5])}\nacme,shop,b1,{ACCESS},\n").named)[3:] == (None, ACCESS, None)
    row = {"tenant": "acme", "app": "shop", "business": "b1", "refresh_token": REFRESH, "access_token": None}
    assert as_text(only(json.dumps(row)).named)[3:] == (None, None, REFRESH)


def test_lines_are_numbered_as_an_editor_shows_them():
    """Empty ones count, and one that is broken in two by quotation marks is named by where it begins."""
    content = f'{HEADER}\n\na,s,b,{ACCESS},,\n"a\nb",s,b,{ACCESS},,\nc,s,b,{ACCESS},,\n'
    assert [(line.number, bool(line.named)) for line in read(content.encode())] == [(3, True), (4, False), (6, True)]
    assert [line.number for line in read(b'\n{}\n\n{"app": "x"}\n')] == [2, 4]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (",shop,b1,canary,,", "its tenant is no name"),
        ("a b,shop,b1,canary,,", "its tenant is no name"),
        ("-a,shop,b1,canary,,", "its tenant is no name"),
        ("a" * 65 + ",shop,b1,canary,,", "its tenant is no name"),
        ("acme,,b1,canary,,", "it names no app"),
        ("acme,shop,b/1,canary,,", "its business is no id of v3.1"),
        ("acme,shop,,canary,,", "its business is no id of v3.1"),
        ("acme,shop,b1,,,canary", "it has neither access_token nor refresh_token"),
        ("acme,shop,b1,can ary,,", "its access_token has a space"),
        ("acme,shop,b1,,canary\u00e9,", "its refresh_token has a space or another character"),
        (f"acme,shop,b1,{'canary' * 50},,", "its access_token is longer than 256 characters"),
        (f"acme,shop,b1,x,,{'canary' * 2000}", "its v31_refresh_token is longer than 8192 characters"),
        ("acme,shop,b1,canary", "it has 4 values and the header 6"),
        ('acme,shop,b1,"canary"x,,', "its quotation marks"),
        ('acme,shop,b1,"canary,,', "its quotation marks"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(row, said):
    """Without quoting a token."""
    line = only(f"{HEADER}\n{row}\n")
    assert (line.number, line.named) == (2, None)
    assert said in "; ".join(line.wrong)
    assert "canary" not in repr(line)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"tenant": "canary', "it is not a JSON object"),
        ('{"tenant": 1}', "it is not a JSON object with texts as values"),
        ('{"tenant": "x", "acess_token": "canary"}', "there is no field 'acess_token'; there are tenant, app"),
        ('{"tenant": "\\ud800"}', "it is not a JSON object"),
    ],
)
def test_what_is_wrong_with_a_json_line_is_said(row, said):
    """Without quoting a token."""
    line = only(row)
    assert (line.number, line.named) == (1, None)
    assert said in line.wrong[0]
    assert "canary" not in repr(line)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "names no column tenant"),
        (b"acme,shop,b1,canary,,\n", "names no column tenant"),
        (b"tenant,app,business,access_token\n", "names no column refresh_token"),
        (f"{HEADER},canary\n".encode(), "a column too many"),
        (f"{HEADER},app\n".encode(), "a column too many"),
        (b"\xff\xfe", "is not UTF-8"),
        (b'"canary', "names no column tenant"),
    ],
)
def test_a_file_that_is_none_is_refused(content, said):
    """Its first line is not quoted: where the header is missing, it holds tokens."""
    with pytest.raises(FileWrong, match=said) as wrong:
        list(read(content))
    assert "canary" not in str(wrong.value)


def test_a_token_of_another_form_is_taken_and_told():
    """An app may have had its own."""
    line = only(f"{HEADER}\nacme,shop,b1,short,{REFRESH},\n")
    assert as_text(line.named)[4] == "short"
    assert line.hints == ("its access_token is not 40 hexadecimal digits, as Sage's were; it is taken as it is",)


def test_what_is_written_can_be_read_elsewhere():
    """CSV with a header, or JSON lines."""
    row = {"tenant": "a", "app": "s", "business": "b", "state": "expires", "since": None, "days": 3, "link_until": "x"}
    assert list(write([row], jsonl=False)) == ["tenant,app,business,state,since,days", "a,s,b,expires,,3"]
    (line,) = write([row], jsonl=True)
    assert json.loads(line) == {name: value for name, value in row.items() if name != "link_until"}


@pytest.mark.parametrize("column", ["tenant", "app", "business"])
def test_a_token_in_another_column_is_refused(column):
    """Columns in another order would make a token a name, which every log line says; and it is not quoted."""
    for token in (ACCESS, "canary." * 20):
        row = dict(zip(COLUMNS, ("acme", "shop", "b1", SEED, REFRESH, ACCESS), strict=True)) | {column: token}
        line = only(json.dumps(row))
        assert line.named is None
        assert column in line.wrong[0]
        assert token[:8] not in "".join(line.wrong)
