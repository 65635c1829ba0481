"""The stand-in as one object."""

from __future__ import annotations

import time
from collections.abc import Callable

from aiohttp import web

from gateway.sandbox.api import Api
from gateway.sandbox.books import Books, Record
from gateway.sandbox.businesses import Business, People, User
from gateway.sandbox.consent_page import Person
from gateway.sandbox.faults import Faults
from gateway.sandbox.oauth import OAuth
from gateway.sandbox.seed.minting import derived_id
from gateway.sandbox.seed.plant import open_books
from gateway.sandbox.seed.reference import START
from gateway.sandbox.server import application, serve_application
from gateway.sandbox.spec import Spec
from gateway.sandbox.switches import Switches
from gateway.sandbox.wire import Seen

NAMES = ("Harbour Ltd", "Second Business Ltd", "Elsewhere Ltd")


class Sandbox:
    """A stateful stand-in for v3.1, in memory.

    Two users: `owner` reaches "Harbour Ltd" (the lead) and "Second Business Ltd"; `stranger` has "Elsewhere Ltd"
    and sees nothing of the others. `clock` gives seconds since 1970; everything that expires or is dated asks
    it. With `seed` the books hold what `gateway.sandbox.seed` says, else only a chart, tax rates and banks.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        seed: bool = True,
        switches: Switches | None = None,
    ) -> None:
        self.switches = switches or Switches()
        self.spec = Spec.load()
        self.requests: list[Seen] = []
        """The requests that came in, OAuth's too: the newest 5,000 at least, 10,000 at most."""
        self.faults = Faults()
        self._clock, self._seed = clock, seed
        ids = [derived_id("business", name) for name in NAMES]
        self.businesses = {
            key: Business(key, _business_fields(key, name), self._open) for key, name in zip(ids, NAMES, strict=True)
        }
        self._first = ids[0]
        self.users = {
            "owner": _user("owner", "Jo", "Pike", ids[:2]),
            "stranger": _user("stranger", "Sam", "Else", ids[2:]),
        }
        self._people = People(self.users, self.businesses, ids[0], self.spec)
        subjects = {name: user.guid for name, user in self.users.items()}
        self.client_id = "sandbox-client/0b4a6f7e-5d1c-4a83-9c6e-0f2d7b1a9e55"
        self.client_secret = "sandbox-client-secret"  # noqa: S105 - opens nothing but this stand-in
        self.oauth = OAuth(
            clock, self.switches, subjects, self.client_id, self.client_secret, people=self._people_to_sign_in
        )
        self._api = Api(self.spec, self.oauth, self._people, self.switches)
        self.app: web.Application = application(self._api, self.oauth, self.faults, self.requests)

    @property
    def violations(self) -> list[str]:
        """Sentences about what the spec lacks or refuses in the requests so far."""
        return self._api.violations

    @property
    def lead_business(self) -> str:
        """The business that a request of `owner` without `X-Business` is for."""
        return self._people.lead

    @lead_business.setter
    def lead_business(self, key: str) -> None:
        self._people.lead = key

    def business(self, name: str) -> Business:
        """A business by its name."""
        return next(one for one in self.businesses.values() if one.name == name)

    def issue_refresh_token(self, user: str = "owner") -> str:
        """A refresh token as consent would have given it, without the browser's part."""
        return self.oauth.issue(user)

    def _people_to_sign_in(self) -> list[Person]:
        return [
            Person(
                user.name,
                user.fields["displayed_as"],
                tuple(self.businesses[business].name for business in user.businesses),
            )
            for user in self.users.values()
        ]

    def _open(self, business: str) -> Books:
        return open_books(business, self._clock, self.switches, seed=self._seed, lead=business == self._first)


async def serve_sandbox(sandbox: Sandbox, host: str = "127.0.0.1", port: int = 0) -> tuple[web.AppRunner, str]:
    """Serves it; port 0 takes a free one. Returns the runner (`await cleanup()` ends it) and the base URL.

    The API is at `{base}/v3.1`, OAuth at `{base}/oauth2/auth`, `{base}/token`, `{base}/revoke`.
    """
    return await serve_application(sandbox.app, host, port)


def _user(name: str, first: str, last: str, businesses: list[str]) -> User:
    digits = derived_id("user", name)
    guid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    fields: Record = {
        "id": digits,
        "displayed_as": f"{first} {last}",
        "first_name": first,
        "last_name": last,
        "initials": first[0] + last[0],
        "email": f"{first.lower()}@harbour.example" if name == "owner" else "sam@elsewhere.example",
        "locale": "en-GB",
        "created_at": START,
        "updated_at": START,
    }
    return User(name, guid, fields, list(businesses), list(businesses))


def _business_fields(key: str, name: str) -> Record:
    return {
        "id": key,
        "displayed_as": name,
        "name": name,
        "address_line_1": "1 Pier Road",
        "address_line_2": "",
        "city": "Hull",
        "region": "",
        "postal_code": "HU1 2AB",
        "country": {"id": "GB", "displayed_as": "United Kingdom (GB)"},
        "telephone": "01482 000000",
        "mobile": "",
        "website": "https://harbour.example/",
        "is_demo": False,
        "ni_based": False,
        "subscriptions": [
            {
                "id": "ACCOUNTING",
                "displayed_as": "Sage Accounting Plus",
                "active": True,
                "status": "active",
                "accountant_pays": False,
                "created_at": START,
                "updated_at": START,
            }
        ],
        "created_at": START,
        "updated_at": START,
    }
