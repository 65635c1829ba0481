"""`core/v2/user`, `business`, `business_relationships` and `me` (v2.md §6.35 to §6.38).

v2's writes were un-nested, v3.1's are nested. The business is the tenant's own: v3.1's `lead` business can change
(reliability.md G16).
"""

from __future__ import annotations

from gateway.errors import BadCall
from gateway.messages import Record, V3Response
from gateway.resources._countries import COUNTRIES
from gateway.resources._parts import STAMPS, bare_name
from gateway.translate.calls import Call
from gateway.translate.draft import RequestDraft
from gateway.translate.pages import window
from gateway.translate.plans import Plan, down, down_all, up
from gateway.translate.resource import Table
from gateway.translate.rules import Computed, Field, Identity, ReadOnly, Reference, Unsupported

BUSINESS = Reference("business", to="businesses", name="name", read_only=True)


def read_business(call: Call) -> Plan:
    """The tenant's own business."""
    answer: V3Response = yield RequestDraft("GET", ["businesses", call.caller.business])
    return down(call, answer.body)


def write_business(call: Call) -> Plan:
    """The tenant's own business."""
    return written(call, ["businesses", call.caller.business])


def write_user(call: Call) -> Plan:
    """The user whose grant it is."""
    return written(call, ["user"])


def written(call: Call, path: list[str]) -> Plan:
    """v2's un-nested attributes in v3.1's nested body. Raises BadCall where there are none."""
    draft = up(call)
    draft.path = path
    if not draft.body:
        raise BadCall("nothing to change was sent", "base")
    answer: V3Response = yield draft
    return down(call, answer.body)


def relationships(call: Call) -> Plan:
    """All businesses that the user can access; v3.1 gives them on one page and takes no window (v31.md §4)."""
    start, size = window(call.params)
    answer: V3Response = yield RequestDraft("GET", ["businesses"])
    rows: list[Record] = [{"id": business["id"], "business": business} for business in answer.body["$items"]]
    return down_all(call, rows[start : start + size], (len(rows), start, size))


def read_me(call: Call) -> Plan:
    """The user, with the tenant's own business."""
    user: V3Response = yield RequestDraft("GET", ["user"])
    business: V3Response = yield RequestDraft("GET", ["businesses", call.caller.business])
    return down(call, {**user.body, "business": business.body})


def lower_case(code: str | None) -> str:
    """A country as `me` told it (v2.md §6.38, inferred)."""
    return (code or "").lower()


TABLES = (
    Table(
        "user",
        Identity(),
        Field("first_name"),
        Field("last_name"),
        ReadOnly("email"),
        Field("locale"),
        *STAMPS,
        family="core",
        v3="user",
        kind="user",
        v3_root="user",
        verbs="one update",
        singleton=True,
        legacy=False,
        plans={"update": write_user},
        known="client-seen",
    ),
    Table(
        "business",
        Identity(),
        Field("name"),
        Field("address_line_1"),
        Field("address_line_2"),
        Field("city"),
        Field("region"),
        Field("postal_code"),
        Reference("country", to=COUNTRIES, name=bare_name, read_only=True),
        Field("telephone"),
        Field("mobile"),
        Field("website"),
        *STAMPS,
        family="core",
        v3="businesses",
        kind="businesses",
        v3_root="business",
        verbs="one update",
        singleton=True,
        legacy=False,
        plans={"one": read_business, "update": write_business},
    ),
    Table(
        "business_relationships",
        Identity(kind="businesses"),
        BUSINESS,
        Unsupported("relationship_type", "v3.1 does not tell what the user is to a business", "owner"),
        family="core",
        kind="businesses",
        verbs="list",
        legacy=False,
        plans={"list": relationships},
        computed="from v3.1's businesses, all that the user can access; each has its business's number",
    ),
    Table(
        "me",
        Identity(),
        ReadOnly("email"),
        ReadOnly("first_name"),
        ReadOnly("last_name"),
        BUSINESS,
        Computed("country", of=("business.country.id",), told=lower_case),
        family="core",
        kind="user",
        verbs="one",
        singleton=True,
        legacy=False,
        plans={"one": read_me},
        computed="from v3.1's user and the tenant's business",
    ),
)
