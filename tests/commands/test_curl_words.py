"""Data as curl's command line gives it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.commands.curl_words import joined


@pytest.mark.parametrize(
    ("kind", "word", "sent"),
    [
        ("data", "a=1+2 %20&b", b"a=1+2 %20&b"),
        ("data", "@file", b"Zo\xc3\xab&b=2"),
        ("data", "a=@file", b"a=@file"),
        ("binary", "@file", b"Zo\xc3\xab\r\n&b=2\n\0"),
        ("binary", "a=1", b"a=1"),
        ("raw", "@file", b"@file"),
        ("encoded", "a[b]=x=1 & 100%/+", b"a[b]=x%3D1%20%26%20100%25%2F%2B"),
        ("encoded", "a b", b"a%20b"),
        ("encoded", "=a=b@c", b"a%3Db%40c"),
        ("encoded", "a=@file", b"a=%40file"),
        ("encoded", "a[b]@file", b"a[b]=Zo%C3%AB%0D%0A%26b%3D2%0A%00"),
        ("encoded", "@file", b"Zo%C3%AB%0D%0A%26b%3D2%0A%00"),
        ("encoded", "Zo\u00eb-._~", b"Zo%C3%AB-._~"),
    ],
)
def test_each_kind_of_data_is_read_as_by_curl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, word: str, sent: bytes
):
    """Files after `@`, line breaks left out by `-d` alone, encoding by `--data-urlencode` alone."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_bytes(b"Zo\xc3\xab\r\n&b=2\n\0")
    assert joined([kind], {kind: [word]}) == sent


def test_data_is_joined_in_the_order_it_came():
    """Whatever its kind; what is no data is passed over."""
    given = {"data": ["1", "4"], "encoded": ["2"], "raw": ["3"], "binary": []}
    assert joined(["data", "headers", "encoded", "raw", "words", "data"], given) == b"1&2&3&4"
