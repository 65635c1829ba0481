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
from tests.captures.capture_house import COST, PORT_SEEN, SALES, House
from tests.captures.clients import Client, client_of
from tests.captures.recorded import EXPIRED, Capture
from tests.captures.wire import Message

RATES = {"1": "1", "2": "2", "4": "4", "5": "5", "51": "1"}
"""Recorded tax rate -> ours: 4 is the exempt one in Portugal, and here."""
BANK_END = {"incomes": "destination_id", "expenses": "source_id"}
"""The end of an income or expense that is the bank."""


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
    swap = Swap(house, client, capture.resource)
    bare, mark, query = target.partition("?")
    message = replace(
        capture.message,
        target=bare + mark + swap.text(query.encode()).decode(),
        body=swap.text(capture.message.body),
    )
    message = sized(message)
    if capture.token != EXPIRED:
        message = message.with_header("Authorization", f"Bearer {client.token}")
    variant = variant_of(capture)
    original = message == capture.message
    if not original and capture.verifies not in ("never", "unsigned"):
        message = message.with_header("X-Signature", sign(capture, message, client, variant))
    return Fitted(message, client, path_ids, swap.contact, original, variant)


def sized(message: Message) -> Message:
    """With the length that its body has now; two were recorded without the header."""
    length = str(len(message.body))
    if message.body and message.header("Content-Length") is None:
        return replace(message, headers=(*message.headers, ("Content-Length", length)))
    return message.with_header("Content-Length", length)


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
    if first == "ledger_accounts":
        return [house.account(client)]
    if first == "purchase_invoices":
        return [house.fresh_purchase(client)["id"]]
    if first == "incomes":
        return [house.fresh_income(client)["id"]]
    if first in ("expenses", "expenditures"):
        return [house.fresh_expense(client)["id"]]
    assert first == "sales_invoices"
    invoice = house.fresh_invoice(client)["id"]
    if capture.path[-1].isdigit() and "payments" in capture.path:
        return [invoice, house.fresh_payment(client, invoice)["id"]]
    return [invoice]


class Swap:
    """Replaces the values of ids in form text or JSON, byte for byte where they stand."""

    def __init__(self, house: House, client: Client, resource: str) -> None:
        self._house, self._client, self._resource = house, client, resource
        self.contact: int | None = None

    def text(self, form: bytes) -> bytes:
        if form.startswith(b"{"):
            return re.sub(rb'("\w+"):(\d+)(?=[,}])', self._member, form)
        return re.sub(rb"(?:^|(?<=&))([^&=]+)=(\d+)(?=&|$)", self._pair, form)

    def _member(self, match: re.Match[bytes]) -> bytes:
        return match[1] + b":" + self._value(match[1].decode().strip('"'), match[2].decode()).encode()

    def _pair(self, match: re.Match[bytes]) -> bytes:
        name = re.findall(r"\w+", unquote_plus(match[1].decode()))[-1]
        return match[1] + b"=" + self._value(name, match[2].decode()).encode()

    def _value(self, name: str, value: str) -> str:
        house, client, resource = self._house, self._client, self._resource
        match name:
            case "contact_id" | "contact":
                supplied = resource == "purchase_invoices"
                self.contact = house.supplier(client) if supplied else house.customer(client)
                return str(self.contact)
            case "bank_account_id":
                return str(house.bank(client))
            case "source_id" | "destination_id" if name == BANK_END[resource]:
                return str(house.account_of_bank(client))
            case "ledger_account_id" | "source_id" | "destination_id":
                bought = resource in ("purchase_invoices", "expenses")
                return str(house.account(client, COST if bought else SALES))
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
    if capture.verifies == "unsigned":
        return ""
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
