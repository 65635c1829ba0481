"""What is wrong with a request that the parser cannot read, in our words: never in its own, which quote raw bytes."""

from __future__ import annotations

from aiohttp.http_exceptions import BadHttpMethod, BadStatusLine, InvalidURLError, LineTooLong

from gateway.edges.limits import Limits

_LINE = "The request line must be a method in capitals, a path and HTTP/1.1, with one space between them"
_TARGET = "The request-target must be a path of visible ASCII characters: percent-encode all others, a space as %20"
_NAME = "A header must be a name without spaces, a colon and a value"
_ENDS = "Every line of the head must end in CR and LF"

_PARSER = (
    ("Missing 'Host' header", "An HTTP/1.1 request must have a Host header"),
    ("Duplicate '", "A header that may come once only comes twice (Host, Content-Length, Content-Type…)"),
    ("Expected HTTP/", f"{_LINE}; a space in the path is written %20"),
    ("Invalid HTTP version", "Only HTTP/1.0 and HTTP/1.1 are spoken here"),
    ("Expected CRLF", _ENDS),
    ("Missing expected", _ENDS),
    ("Invalid character in Content-Length", "Content-Length must be one number of digits"),
    ("Content-Length can't be present", "A request may not have both Content-Length and Transfer-Encoding"),
    ("Transfer-Encoding can't be present", "A request may not have both Content-Length and Transfer-Encoding"),
    ("Request has invalid `Transfer-Encoding`", "Transfer-Encoding may be chunked alone"),
    ("Unexpected whitespace after header value", "A header may not go on in a second line"),
    ("Invalid header value char", "A header's value has a control character"),
    ("Invalid header field char", _NAME),
    ("Invalid header token", _NAME),
    ("Received HTTPS traffic", "This is TLS, and this port speaks plain HTTP"),
)
"""The parser's reasons by their beginning (llhttp's and aiohttp's), and what is said for each."""


def why(error: BaseException | None, limits: Limits) -> str:
    """One sentence on what is wrong and where."""
    if isinstance(error, LineTooLong):
        # The parser hands over a target as it collects it, a header field when it has it whole.
        if isinstance(error.args[0], bytearray):
            return f"The request-target is over {limits.target:,} bytes"
        return f"A header is over {limits.header_line:,} bytes"
    told = str(getattr(error, "message", "")).removeprefix("Bad status line:").lstrip()
    if told.startswith("Too many headers"):
        return f"The request has more than {limits.headers} headers"
    for beginning, sentence in _PARSER:
        if told.startswith(beginning):
            return sentence
    if isinstance(error, InvalidURLError):
        return _TARGET
    if isinstance(error, BadHttpMethod | BadStatusLine):
        return _LINE
    return "The request cannot be read as HTTP"
