"""`core/v2/user` and `core/v2/business` (v2.md §6.35, §6.36): un-nested writes, nested ones in v3.1.

The business is the tenant's own: v3.1's `lead` business can change (reliability.md G16).
"""

from __future__ import annotations

from gateway.errors import BadCall
from gateway.messages import Record, V3Response
from gateway.resources._countries import COUNTRIES
from gateway.resources._parts import STAMPS, without_figure
from gateway.translate.calls import Call
from gateway.translate.draft import RequestDraft
from gateway.translate.plans import Plan, down, up
from gateway.translate.resource import Table
from gateway.translate.rules import Field, Identity, ReadOnly, Reference


def country_name(country: Record) -> str:
    """The country's bare name."""
    return without_figure(country.get("displayed_as"))


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
        Reference("country", to=COUNTRIES, name=country_name, read_only=True),
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
)
