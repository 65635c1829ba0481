"""What is read of a token call's parameters."""

from __future__ import annotations

import pytest

from gateway.edges.authorization.parameters import LARGEST_BODY, read_parameters
from gateway.errors import Malformed, TooLarge
from gateway.messages import V2Request


def read(body: bytes, query: str = "", content_type: str = "application/x-www-form-urlencoded") -> dict[str, str]:
    return read_parameters(V2Request("POST", f"/oauth2/token?{query}", (("Content-Type", content_type),), body))


def test_the_body_wins_over_the_query() -> None:
    """Where a parameter is in both."""
    assert read(b"code=body", "code=query&client_id=a") == {"code": "body", "client_id": "a"}


def test_text_that_was_never_encoded_is_taken_as_it_is() -> None:
    """A raw redirect URI, and a `%` that escapes nothing."""
    assert read(b"redirect_uri=https://shop.example/cb&client_secret=50%off", "client_id=100%") == {
        "redirect_uri": "https://shop.example/cb",
        "client_secret": "50%off",
        "client_id": "100%",
    }


def test_what_means_nothing_here_is_not_read() -> None:
    """Other names, empty values, white space around."""
    assert read(b"code=+abc%0D%0A&state=x&scope=full_access&client_id=&[=") == {"code": "abc"}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b'{"a"', ""), (b"[]", "application/json"), (b"%", "multipart/form-data; boundary=x")],
)
def test_a_body_of_another_form_must_be_whole(body: bytes, content_type: str) -> None:
    """JSON and multipart are not taken for anything else."""
    with pytest.raises(Malformed):
        read(body, content_type=content_type)


def test_a_body_has_a_limit() -> None:
    """64 KiB."""
    assert read(b"code=" + b"x" * (LARGEST_BODY - 5))["code"] == "x" * (LARGEST_BODY - 5)
    with pytest.raises(TooLarge):
        read(b"code=" + b"x" * LARGEST_BODY)
