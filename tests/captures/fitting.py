"""Fits a capture to the house: other ids, another token where need be, a signature over the result.

All other bytes stay as they were recorded.
"""

from __future__ import annotations

import base64
import hmac
import re
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, unquote_plus

from gateway.messages import V2Request
from gateway.translate.signature import signature_of, verify
from gateway.translate.signature_variants import parameter_strings
from gateway.translate.signature_wire import Wire, octets
from tests.captures.capture_house import PORT_SEEN, Client, House, client_of
from tests.captures.recorded import EXPIRED, Capture
from tests.captures.wire import Message

RATES = {"1": "1", "4": "4", "51": "1"}
"""Recorded tax rate -> ours: 4 is the exempt one in Portugal, and here."""


@dataclass(frozen=True)
class Fitted:
    """A capture as it is sent. `path_ids` are the legacy ids in its path now; `contact` that in its query or body;
    `original` whether its own signature still stands."""

    message: Message
    client: Client
    path_ids: tuple[int, ...]
    contact: int | None
    original: bool
    variant: str


def fit(capture: Capture, house: House) -> Fitted:
    client = client_of(capture)
    target, path_ids = path(capture, house, client)
    swap = Swap(house, client)
    bare, mark, query = target.partition("?")
    message = replace(
        capture.message,
        target=bare + mark + swap.text(query.encode()).decode(),
        body=swap.text(capture.message.body),
    )
    message = message.with_header("Content-Length", str(len(message.body)))
    if capture.token != EXPIRED:
        message = message.with_header("Authorization", f"Bearer {client.token}")
    variant = variant_of(capture)
    original = message == capture.message
    if not original and capture.verifies != "never":
        message = message.with_header("X-Signature", sign(capture, message, client, variant))
    return Fitted(message, client, path_ids, swap.contact, original, variant)


def path(capture: Capture, house: House, client: Client) -> tuple[str, tuple[int, ...]]:
    """The target with ids of records that are there; those that a write changes are made for it."""
    if capture.token == EXPIRED or not any(part.isdigit() for part in capture.path):
        return capture.message.target, ()
    ids = tuple(fresh(capture, house, client))
    left = iter(ids)
    before, mark, query = capture.message.target.partition("?")
    return re.sub(r"(?<=/)\d+(?=/|$)", lambda _: str(next(left)), before) + mark + query, ids


def fresh(capture: Capture, house: House, client: Client) -> list[int]:
    first = capture.path[0]
    if first == "contacts":
        reading = capture.message.method == "GET"
        return [house.customer(client) if reading else house.fresh_contact(client)["id"]]
    if first == "products":
        return [house.fresh_product(client)["id"]]
    if first == "services":
        return [house.fresh_service(client)["id"]]
    assert first == "sales_invoices"
    invoice = house.fresh_invoice(client)["id"]
    if capture.path[-1].isdigit() and "payments" in capture.path:
        return [invoice, house.fresh_payment(client, invoice)["id"]]
    return [invoice]


class Swap:
    """Replaces the values of ids in form text, byte for byte where they stand."""

    def __init__(self, house: House, client: Client) -> None:
        self._house, self._client = house, client
        self.contact: int | None = None

    def text(self, form: bytes) -> bytes:
        return re.sub(rb"(?:^|(?<=&))([^&=]+)=(\d+)(?=&|$)", self._pair, form)

    def _pair(self, match: re.Match[bytes]) -> bytes:
        name = re.findall(r"\w+", unquote_plus(match[1].decode()))[-1]
        return match[1] + b"=" + self._value(name, match[2].decode()).encode()

    def _value(self, name: str, value: str) -> str:
        house, client = self._house, self._client
        match name:
            case "contact_id" | "contact":
                self.contact = house.customer(client)
                return str(self.contact)
            case "bank_account_id":
                return str(house.bank(client))
            case "ledger_account_id":
                return str(house.account(client))
            case "tax_rate_id" | "tax_code_id" | "carriage_tax_code_id" | "carriage_tax_rate_id":
                return RATES[value]
            case "country_id" | "main_address_country_id":
                return value if client.country == "pt" else "218"
            case _:
                return value


def url_of(capture: Capture) -> str:
    return f"{capture.scheme}://{capture.message.header('Host')}"


def call_of(message: Message) -> V2Request:
    """The request as the verifier takes it: the request line's bytes one character each."""
    return V2Request(message.method, octets(message.target).decode("latin-1"), message.headers, message.body)


def variant_of(capture: Capture) -> str:
    """The deviation by which the recorded signature verifies, "" for the published rule or none."""
    verdict = verify(call_of(capture.message), capture.secret, capture.token, [url_of(capture), PORT_SEEN], rare=True)
    assert verdict.ok == (capture.verifies != "never")
    return verdict.variant or ""


def sign(capture: Capture, message: Message, client: Client, variant: str) -> str:
    """The signature that this client would have sent: by the published rule, or with its own deviation."""
    nonce = message.header("X-Nonce") or ""
    path, _, query = message.target.partition("?")
    if not variant:
        form = message.body if message.method in ("POST", "PUT") else b""
        pairs = parse_qsl(query, keep_blank_values=True) + parse_qsl(form.decode(), keep_blank_values=True)
        return signature_of(message.method, url_of(capture) + path, tuple(pairs), nonce, client.secret, client.token)
    wire = Wire(call_of(message))
    key = [client.secret.encode(), client.token.encode()]
    url = octets(url_of(capture) + path)
    around = b"".join((*key, nonce.encode(), url))
    known = {name: (style, text) for name, style, text in parameter_strings(wire, around, rare=True)}
    style, text = known[variant]
    encode = style.encoder
    address = encode(url.lower() if style.lower_url else url)
    signed = f"{message.method}&{address}&{text}&{encode(nonce)}"
    digest = hmac.digest("&".join(map(encode, key)).encode(), signed.encode(), "sha1")
    return base64.b64encode(digest).decode()
