"""The gateway before its stand-in, on real sockets, with an app for each kind of client that was recorded."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote_plus

import uvloop

from gateway.commands.assemble import Addresses, assemble
from gateway.commands.stand_in import reach
from gateway.edges.server import bind
from gateway.sandbox import Sandbox, serve_sandbox
from gateway.sandbox.books import Books, Record, Ref
from gateway.settings import Settings
from gateway.translate.signature import OLD_URL, signature_of
from tests.captures.clients import CLIENTS, Client
from tests.captures.wire import Message, Reply, send

PORT_SEEN = "http://127.0.0.77:8080"
"""A host with a port, for which some clients signed."""
SALES, COST = 4000, 5000
"""Nominal codes of `Sales Type A` and `Cost of sales - goods`."""
RECORDED = "recorded"
"""The app and the tenant of the recorded token calls."""
RECORDED_ID, RECORDED_SECRET = "4b64axxMadeUpClient0001", "7b5MadeUpClientSecret0001"
REDIRECT_URIS = (
    "http://localhost:59793/callback.aspx",
    "https://shop.example/callback",
    "http://shop.example/auth/sageone/callback?scope=full_access",
)
"""Where the recorded clients send browsers back to."""
KEY = "ab" * 32


Snapshot = Mapping[tuple[str, str, str], str]


@dataclass
class House:
    """A running gateway and its stand-in."""

    port: int
    stand_in: Sandbox
    log: io.BytesIO
    database: str
    """The address of the gateway's store."""
    made: int = 0

    def send(self, message: Message) -> Reply:
        """Any request, as it is."""
        return send(self.port, message)

    def ask(self, client: Client, method: str, path: str, form: Mapping[str, object] | None = None) -> Any:
        """A call of our own; it must succeed."""
        pairs = ((quote_plus(name), quote_plus(str(value))) for name, value in (form or {}).items())
        reply = self.call(client, method, path, "&".join(f"{name}={value}" for name, value in pairs).encode())
        assert reply.status in (200, 201), (method, path, reply)
        return reply.json

    def call(self, client: Client, method: str, target: str, body: bytes = b"") -> Reply:
        """A call of our own, with a form, signed by the published rule."""
        path, _, query = target.partition("?")
        text = [part for part in (query, body.decode()) if part]
        pairs = tuple(parse_qsl("&".join(text), keep_blank_values=True))
        nonce = secrets.token_hex(16)
        headers = (
            ("Host", "api.sageone.com"),
            ("Authorization", f"Bearer {client.token}"),
            ("X-Nonce", nonce),
            ("X-Signature", signature_of(method, OLD_URL + path, pairs, nonce, client.secret, client.token)),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Content-Length", str(len(body))),
        )
        return self.send(Message(method, target, headers, body))

    def line(self, reply: Reply) -> dict[str, Any]:
        """The log line of the call that this answers."""
        wanted = reply.headers["x-request-id"]
        found: list[dict[str, Any]] = [each for each in self.lines() if each.get("request") == wanted]
        assert len(found) == 1
        return found[0]

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.getvalue().splitlines()[-50:]]

    def books(self, client: Client) -> Books:
        return self.stand_in.business(client.business).books

    def snapshot(self) -> Snapshot:
        """Everything that the stand-in holds, of every business, as text."""
        shown = {}
        for business in self.stand_in.businesses.values():
            books = business.books
            shown[business.name, "", ""] = repr((business.fields, sorted(books.singletons.items())))
            for collection, shelf in books.shelves.items():
                shown.update({(business.name, collection, key): repr(record) for key, record in shelf.items()})
        return shown

    def number(self) -> int:
        """A number that no other record of this session has."""
        self.made += 1
        return self.made

    def fresh_contact(self, client: Client, **more: str) -> dict[str, Any]:
        """A customer of its own, made through the gateway."""
        number = self.number()
        form = {
            "contact_type_id": 1,
            "company": f"Fresh {number} Ltd",
            "name": f"Fay Fresh {number}",
            "email": f"fay{number}@fresh.example",
            "telephone": "01482 1",
            "notes": "as it was",
            "main_address][street_one": "2 Old Road",
            **more,
        }
        return self.create(client, "contacts", "contact", form)

    def fresh_invoice(self, client: Client, contact: int | None = None) -> dict[str, Any]:
        """An unpaid invoice over 120.00 with a shipping charge, made through the gateway."""
        form = {
            "contact_id": contact or self.fresh_contact(client)["id"],
            "date": "2016-08-01",
            "due_date": "2016-08-31",
            "reference": "as it was",
            "carriage": "5.00",
            "carriage_tax_code_id": 1,
        }
        for number, price in enumerate(("50.00", "40.00")):
            line = f"line_items_attributes][{number}"
            form[f"{line}][description"] = f"Thing {number}"
            form[f"{line}][quantity"] = 1
            form[f"{line}][unit_price"] = price
            form[f"{line}][tax_rate_id"] = 1
            form[f"{line}][ledger_account_id"] = self.account(client)
        return self.create(client, "sales_invoices", "sales_invoice", form)

    def fresh_payment(self, client: Client, invoice: int) -> dict[str, Any]:
        form = {"date": "2016-09-01", "amount": "20.50", "bank_account_id": self.bank(client), "payment_type_id": 4}
        return self.create(client, f"sales_invoices/{invoice}/payments", "sales_invoice_payment", form)

    def fresh_purchase(self, client: Client) -> dict[str, Any]:
        """A supplier's unpaid invoice over 60.00, made through the gateway."""
        line = "line_items_attributes][0"
        form = {
            "contact_id": self.fresh_contact(client, contact_type_id="2")["id"],
            "date": "2016-08-01",
            "due_date": "2016-08-15",
            "reference": "as it was",
            f"{line}][description": "Thing",
            f"{line}][quantity": 1,
            f"{line}][unit_price": "50.00",
            f"{line}][tax_rate_id": 1,
            f"{line}][ledger_account_id": self.account(client, COST),
        }
        return self.create(client, "purchase_invoices", "purchase_invoice", form)

    def fresh_income(self, client: Client) -> dict[str, Any]:
        """Money in, 100.00 and its tax, made through the gateway."""
        form = {"date": "2016-08-01", "amount": "100.00", "tax_rate_id": 1, "payment_type_id": 2, "reference": "in"}
        ends = {"ledger_account_id": self.account(client), "bank_account_id": self.bank(client)}
        return self.create(client, "incomes", "income", {**form, **ends})

    def fresh_expense(self, client: Client) -> dict[str, Any]:
        """Money out, 58.00 and its tax, made through the gateway."""
        form = {"date": "2016-08-01", "amount": "58.00", "tax_rate_id": 1, "payment_type_id": 1, "reference": "out"}
        ends = {"ledger_account_id": self.account(client, COST), "bank_account_id": self.bank(client)}
        return self.create(client, "expenses", "expense", {**form, **ends})

    def fresh_product(self, client: Client) -> dict[str, Any]:
        code = f"FR{self.number()}"
        form = {"description": "Old mug", "product_code": code, "sales_price": "7.50", "last_cost_price": "2.10"}
        return self.create(client, "products", "product", {**form, "ledger_account_id": self.account(client)})

    def fresh_service(self, client: Client) -> dict[str, Any]:
        form = {"description": "Old lesson", "period_rate_price": "35.00", "ledger_account_id": self.account(client)}
        return self.create(client, "services", "service", form)

    def create(self, client: Client, path: str, root: str, form: Mapping[str, object]) -> dict[str, Any]:
        made: dict[str, Any] = self.ask(
            client, "POST", f"/accounts/v2/{path}", {f"{root}[{name}]": value for name, value in form.items()}
        )
        return made

    def customer(self, client: Client) -> int:
        """The legacy id of a seeded customer."""
        return legacy(customer(self.books(client)))

    def bank(self, client: Client) -> int:
        return legacy(next(self.books(client).live("bank_accounts")))

    def supplier(self, client: Client) -> int:
        """The legacy id of a seeded supplier."""
        return legacy(customer(self.books(client), "VENDOR"))

    def account(self, client: Client, code: int = SALES) -> int:
        """The legacy id of the account with a nominal code, `Sales Type A` unless another is named."""
        return legacy(next(each for each in self.books(client).live("ledger_accounts") if each["nominal_code"] == code))

    def account_of_bank(self, client: Client) -> int:
        """The legacy id of the ledger account of the bank."""
        books = self.books(client)
        found = books.at(next(books.live("bank_accounts"))["ledger_account"])
        assert found
        return legacy(found)


def customer(books: Books, kind: str = "CUSTOMER") -> Record:
    """The first contact of a kind that is not Sage's own."""
    role = Ref("contact_types", kind)
    return next(each for each in books.live("contacts") if role in each["contact_types"] and not each["system"])


def legacy(record: Record) -> int:
    number = record["legacy_id"]
    assert isinstance(number, int)
    return number


def database(folder: Path) -> str:
    return f"sqlite:///{folder}/store.db"


def settings_of(stand_in: Sandbox, base_url: str, folder: Path) -> Settings:
    """As `serve --sandbox` makes them, with the recorded clients beside its own."""
    upstream = reach(stand_in, base_url)
    apps, tenants = {}, {}
    for client in CLIENTS.values():
        business = stand_in.business(client.business)
        apps[client.name] = {
            "client_id": client.name,
            "signing_secret": client.secret,
            "signature": client.signature,
            "rare_signatures": True,
            "country": client.country,
            "cash_customer": str(legacy(customer(business.books))),
            "v31_client_id": stand_in.client_id,
            "v31_client_secret": stand_in.client_secret,
        }
        tenants[client.name] = {
            "app": client.name,
            "business": business.id,
            "access_token": client.token,
            "v31_refresh_token": stand_in.issue_refresh_token(),
        }
    apps[RECORDED] = {
        "client_id": RECORDED_ID,
        "client_secret": RECORDED_SECRET,
        "redirect_uris": REDIRECT_URIS,
        "signature": "off",
        "v31_client_id": stand_in.client_id,
        "v31_client_secret": stand_in.client_secret,
    }
    tenants[RECORDED] = {
        "app": RECORDED,
        "business": stand_in.lead_business,
        "v31_refresh_token": stand_in.issue_refresh_token(),
    }
    addresses = {key.removeprefix("upstream."): value for key, value in upstream.items() if key.startswith("upstream")}
    return Settings.model_validate(
        {
            "store": {"db": database(folder), "key": KEY},
            "upstream": addresses,
            "tokens": {"wrong_per_minute": 10_000},
            "server": {"public_urls": [PORT_SEEN]},
            "apps": apps,
            "tenants": tenants,
        }
    )


@contextmanager
def running(folder: Path) -> Iterator[House]:
    """A gateway that runs in a thread of its own until the tests are done."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    log, stand_in, public = io.BytesIO(), Sandbox(), bind("127.0.0.1", 0)
    port = public.getsockname()[1]
    ready, done = threading.Event(), threading.Event()
    failed: list[BaseException] = []

    async def serve() -> None:
        async with AsyncExitStack() as stack:
            runner, base_url = await serve_sandbox(stand_in, "127.0.0.1", 0)
            stack.push_async_callback(runner.cleanup)
            here = f"http://127.0.0.1:{port}"
            settings = settings_of(stand_in, base_url, folder)
            addresses = Addresses(public, None, (*settings.server.public_urls, here), here)
            await assemble(settings, addresses, stack, sandboxed=True, log=log)
            ready.set()
            await asyncio.to_thread(done.wait)

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(serve())
        except BaseException as error:  # noqa: BLE001 - shown by the test that waits for it
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="gateway")
    thread.start()
    try:
        assert ready.wait(60)
        if failed:
            raise failed[0]
        yield House(port, stand_in, log, database(folder))
    finally:
        done.set()
        thread.join(60)
        public.close()
        root.handlers[:] = handlers
        root.setLevel(level)
    assert not failed
