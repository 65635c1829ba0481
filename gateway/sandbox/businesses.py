"""Users and the businesses they reach; `/user` and `/businesses` (v31_resources.md)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.sandbox.books import Books, Record
from gateway.sandbox.problems import Problem, Refusal, no_record
from gateway.sandbox.reading import Reader
from gateway.sandbox.spec import Spec
from gateway.sandbox.wire import Answer

EVERYTHING = 2_147_483_647
"""The page size that `/businesses` states (v31.md §4)."""


@dataclass(slots=True)
class User:
    """One Sage user; `businesses` are the ids it reaches, `owns` those it may change."""

    name: str
    guid: str
    fields: Record
    businesses: list[str]
    owns: list[str]


@dataclass(slots=True)
class Business:
    """One business. `active` False: its subscription has lapsed. Its books are seeded when first opened."""

    id: str
    fields: Record
    opened: Callable[[str], Books]
    active: bool = True
    kept: list[Books] = field(default_factory=list)

    @property
    def name(self) -> str:
        return str(self.fields["name"])

    @property
    def books(self) -> Books:
        if not self.kept:
            self.kept.append(self.opened(self.id))
        return self.kept[0]


@dataclass(slots=True)
class People:
    """Who may do what where."""

    users: Mapping[str, User]
    businesses: Mapping[str, Business]
    lead: str
    spec: Spec

    def lead_of(self, user: User) -> str:
        return self.lead if self.lead in user.businesses else user.businesses[0]

    def business(self, user: User, header: str | None) -> Business:
        """The business a request is for: `X-Business`, else the lead. Foreign or unknown: 403."""
        key = header or self.lead_of(user)
        if key not in user.businesses:
            raise Refusal(
                403,
                Problem(
                    "The current user is not allowed to access that resource with that method.",
                    "",
                    "MultiUserAccessDenied",
                ),
            )
        business = self.businesses[key]
        if not business.active:
            raise Refusal(401, Problem("No active subscription. (MSE)", "", "AuthorizationFailure"))
        return business

    def answer(self, user: User, method: str, path: str, sent: Mapping[str, Any] | None, now: str) -> Answer:
        """`/user` and `/businesses…`, which belong to no business."""
        if path == "/user":
            if sent is not None:
                user.fields.update(sent, updated_at=now)
                user.fields["displayed_as"] = f"{user.fields['first_name']} {user.fields['last_name']}"
            return Answer(200, self._shown("User", "user", user.fields))
        if path == "/businesses":
            return Answer(200, self._list(user))
        key = path.removeprefix("/businesses/")
        key = self.lead_of(user) if key == "lead" else key
        if key not in user.businesses:
            raise no_record()
        business = self.businesses[key]
        if sent is not None:
            if key not in user.owns:
                raise Refusal(403, Problem("Only the owner may change a business.", "", "MultiUserAccessDenied"))
            business.fields.update(sent, updated_at=now)
            business.fields["displayed_as"] = business.fields["name"]
        return Answer(200, self._shown("Business", "businesses", business.fields))

    def _list(self, user: User) -> dict[str, Any]:
        found = [self._shown("Business", "businesses", self.businesses[key].fields) for key in user.businesses]
        return {
            "$total": len(found),
            "$page": 1,
            "$next": None,
            "$back": None,
            "$items_per_page": EVERYTHING,
            "$items": found,
        }

    def _shown(self, schema: str, collection: str, fields: Record) -> dict[str, Any]:
        books = next(iter(self.businesses.values())).books
        return Reader(books, self.spec, {}).record(collection, fields, schema)
