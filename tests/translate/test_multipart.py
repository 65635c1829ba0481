"""multipart/form-data: fields are pairs, files are records, whatever wrote them."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Malformed, TooLarge
from gateway.translate.forms import read_params
from gateway.translate.multipart import MAX_HEAD, multipart_pairs

TYPE = "multipart/form-data; boundary=XyZ"
FILE = b'Content-Disposition: form-data; name="a[file]"; filename='


def multipart(*parts: bytes, newline: bytes = b"\r\n", end: bytes = b"--XyZ--") -> bytes:
    return b"".join(b"--XyZ" + newline + part + newline for part in parts) + end + newline


def file_of(part: bytes) -> tuple[str, str, str]:
    """(name, type, content) of the one file in a body of one part."""
    pairs = dict(multipart_pairs(multipart(part), TYPE, files=True))
    return tuple(str(pairs[f"a[file][{name}]"]) for name in ("filename", "type", "content"))  # type: ignore[return-value]


def test_a_file_is_a_record_of_its_name_type_and_content():
    """As Rack has it, with the content in base64; the other parts are fields."""
    body = multipart(
        FILE + b'"note.pdf"\r\nContent-Type: application/PDF; x=1\r\n\r\n%PDF\r\n\x00\xff',
        b'Content-Disposition: form-data; name="a[description]"\r\n\r\nJo\xc3\xa3o & Co',
    )
    assert read_params("POST", "a[x]=1", (("Content-Type", TYPE),), body, "a") == {
        "a": {
            "file": {
                "filename": "note.pdf",
                "type": "application/pdf",
                "content": b64encode(b"%PDF\r\n\x00\xff").decode(),
            },
            "description": "João & Co",
            "x": "1",
        }
    }


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (b'"note.pdf"', "note.pdf"),
        (b"note.pdf", "note.pdf"),
        (b'"a \\"b\\".pdf"', 'a "b".pdf'),
        (b'"a %22b%22%0D%0A.pdf"', 'a "b".pdf'),
        (b'"50%25; off.pdf"', "50%25; off.pdf"),
        (b'"C:\\docs\\note.pdf"', "note.pdf"),
        (b'"../../note.pdf"', "note.pdf"),
        (b'"\xc3\xa9t\xc3\xa9.pdf"', "été.pdf"),
        (b'"\xe9t\xe9.pdf"', "été.pdf"),
        (b"\"x\"; filename*=UTF-8''na%C3%AFve%27s.pdf", "naïve's.pdf"),
        (b'""', ""),
    ],
)
def test_a_files_name(written: bytes, name: str):
    """Quoted, bare, escaped, encoded or extended; of a path only its end."""
    assert file_of(FILE + written + b"\r\n\r\nx") == (name, "", "eA==")


@pytest.mark.parametrize(
    "head",
    [
        b'content-disposition:form-data;NAME="a[file]";FileName=n',
        b'Content-Type: text/plain\r\nContent-Disposition: form-data; filename="n"; name=a[file]',
        b'Content-Disposition: form-data;\r\n name="a[file]";\r\n\tfilename="n"',
        b'Content-Disposition: form-data ; name = "a[file]" ; filename = "n"',
    ],
)
def test_a_head_is_read_however_it_is_written(head: bytes):
    """Any case, any order, folded lines, blanks."""
    assert file_of(head + b"\r\n\r\nx")[::2] == ("n", "eA==")


def test_a_file_that_is_base64_already_stays_so():
    """A home-made client says so in Content-Transfer-Encoding."""
    part = FILE + b'"n"\r\nContent-Transfer-Encoding: BASE64\r\n\r\neA=='
    assert file_of(part)[2] == "eA=="


def test_a_choice_that_a_browser_left_empty_is_no_file():
    """It sends an empty name and no content."""
    assert multipart_pairs(multipart(FILE + b'""\r\n\r\n'), TYPE, files=True) == []


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
def test_lines_end_in_crlf_or_in_lf_throughout(newline: bytes):
    """Home-made clients join with a bare LF; blanks after a boundary and text around the parts are no part of them."""
    part = newline.join((b'Content-Disposition: form-data; name="a"', b"", b"1"))
    body = multipart(part, part.replace(b'"a"', b'"b"'), newline=newline)
    for text in (body, b"preamble" + newline + body + b"epilogue", body.replace(b"XyZ" + newline, b"XyZ \t" + newline)):
        assert multipart_pairs(text, TYPE) == [("a", "1"), ("b", "1")]


def test_a_form_without_fields_is_one():
    """Its end is its first boundary."""
    assert multipart_pairs(b"--XyZ--\r\n", TYPE) == []


def test_a_boundary_inside_a_line_or_longer_is_content():
    """So is one after a bare LF where lines end in CRLF."""
    content = b"--XyZ --XyZ\r\n--XyZa\r\n\n--XyZ\r\n--XyZ -"
    body = multipart(b'Content-Disposition: form-data; name="a"\r\n\r\n' + content)
    assert multipart_pairs(body, TYPE) == [("a", content.decode())]


def test_a_head_has_its_limit():
    """What goes on for longer is no head."""
    part = b'Content-Disposition: form-data; name="a"\r\nX: ' + b"x" * MAX_HEAD + b"\r\n\r\n1"
    with pytest.raises(Malformed, match="too much of a head"):
        multipart_pairs(multipart(part), TYPE)


def test_a_body_may_be_as_large_as_its_route_says():
    """Multipart, form and raw bodies alike."""
    for body in (multipart(FILE + b'"n"\r\n\r\n' + b"x" * 90), b"a[b]=" + b"x" * 200, b"a[b]= " + b"x" * 200):
        headers = (("Content-Type", TYPE if body.startswith(b"--") else "x"),)
        assert read_params("POST", "", headers, body, "a", len(body))["a"]
        with pytest.raises(TooLarge, match=f"at most {len(body) - 1} are"):
            read_params("POST", "", headers, body, "a", len(body) - 1)


@given(
    st.lists(
        st.tuples(st.text('ab[]"\\;= é', min_size=1), st.binary() | st.sampled_from((b"\r\n", b"--XyZ", b"--XyZ--")))
    )
)
def test_what_a_browser_writes_is_read(fields: list[tuple[str, bytes]]):
    """Any name, quoted as HTML says, and any content."""
    fields = [(name, content) for name, content in fields if b"\n--XyZ" not in b"\n" + content]
    parts = [
        b'Content-Disposition: form-data; name="%s"; filename="n"\r\n\r\n%s'
        % (name.replace("\\", "/").replace('"', "%22").encode(), content)
        for name, content in fields
    ]
    read = multipart_pairs(multipart(*parts), TYPE, files=True)
    expected = [(name.replace("\\", "/") + "[content]", b64encode(content).decode()) for name, content in fields]
    assert read[2::3] == expected


@given(st.binary(max_size=60), st.sampled_from(("\r\n", "\n")))
def test_any_bytes_are_parts_or_malformed(garbage: bytes, newline: str):
    """Never another exception."""
    for body in (garbage, b"--XyZ" + newline.encode() + garbage, multipart(garbage, newline=newline.encode())):
        try:
            multipart_pairs(body, TYPE, files=True)
        except Malformed as error:
            assert error.diagnoses  # noqa: PT017
