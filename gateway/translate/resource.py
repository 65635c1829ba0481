"""A table: one v2 resource, its paths, rules and filters; it checks itself when it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gateway.errors import TableWrong
from gateway.messages import Pairs
from gateway.translate.codecs import Codes
from gateway.translate.queries import Filter
from gateway.translate.rack import MAX_BYTES
from gateway.translate.rules import Identity, Nested, Reference, Rule, RuleSet
from gateway.translate.rules.rule import Swap
from gateway.translate.writing import read_name

if TYPE_CHECKING:
    from gateway.translate.plans import Plan

VERBS = frozenset({"list", "one", "create", "update", "delete"})
ALWAYS = frozenset({"id", "displayed_as", "legacy_id"})
"""What v3.1 shows unasked (v31.md §5; `legacy_id` with its own flag)."""


class Table:
    """One v2 resource.

    `path` is v2's, below `/accounts/v2/` (or `family`), with `*` for an id above (`sales_invoices/*/payments`);
    `aliases` are further paths, v1's among them. `v3` is v3.1's collection, "" where v3.1 has none. `root` and
    `v3_root` are the root keys of bodies, None for none; `roots` further ones that v2 clients send.
    `kind` is what its ids belong to. `expands` are the reads whose operation has `nested_attributes`; `legacy`
    whether they have `show_legacy_id`; `queries` further fixed parameters of a read. `parts` are, for each part
    written with dotted paths, v3.1's names that a merge must send back beside those of the rules. `local` are the
    rows that the gateway serves itself. `reads` are further v3.1 attributes that
    the plans read. `plans` replaces usual plans, by verb. `bare`: a list comes as an array without envelope, always or
    for some calls. `computed` says how the gateway makes the reply where v3.1 has none; `lasts` for how many
    seconds a reply may be given again. `body_limit` is how many bytes a call's body may have. `known` grades where the
    shape is known from, as v2.md §0.1 does: documented, client-seen (v2), v1-recorded, inferred. `notes` says in the
    catalogue what a reader should know. Raises TableWrong.
    """

    def __init__(
        self,
        path: str,
        *rules: Rule,
        v3: str = "",
        aliases: tuple[str, ...] = (),
        root: str | None = None,
        roots: tuple[str, ...] = (),
        v3_root: str | None = None,
        family: str = "accounts",
        kind: str = "",
        verbs: str = "list one",
        filters: tuple[Filter, ...] = (),
        paged: bool = True,
        singleton: bool = False,
        legacy: bool = True,
        expands: tuple[str, ...] = (),
        queries: Mapping[str, Pairs] | None = None,
        parts: Mapping[str, tuple[str, ...]] | None = None,
        plans: Mapping[str, Callable[[Any], Plan]] | None = None,
        local: Codes | None = None,
        pdf: bool = False,
        serial: bool = False,
        reads: tuple[str, ...] = (),
        bare: bool | Callable[[Any], bool] = False,
        computed: str = "",
        known: str = "inferred",
        lasts: float = 0.0,
        body_limit: int = MAX_BYTES,
        notes: str = "",
    ) -> None:
        self.path, self.aliases, self.family, self.v3 = path, aliases, family, v3
        self.root, self.v3_root = root, v3_root or root
        self.roots = (*((root,) if root else ()), *roots)
        self.bare, self.computed, self.lasts = bare, computed, lasts
        self.known = known
        self.body_limit = body_limit
        self.kind = kind or v3
        self.verbs = frozenset(verbs.split())
        self.filters, self.paged, self.singleton, self.legacy = filters, paged, singleton, legacy
        self.expands, self.queries, self.plans = expands, dict(queries or {}), dict(plans or {})
        self.local, self.pdf, self.serial, self.notes = local, pdf, serial, notes
        self.extra, self.read_too = dict(parts or {}), reads
        self._set(tuple(self._named(rule) for rule in rules))
        self._check()

    def _named(self, rule: Rule) -> Rule:
        return replace(rule, kind=self.kind) if isinstance(rule, Identity) and not rule.kind else rule

    def _set(self, rules: tuple[Rule, ...]) -> None:
        self.rules = RuleSet(f"{self.family}_{self.path}", rules, self.extra, beside=True)
        self.parts = {name: (*self._dotted(name), *keep) for name, keep in self.extra.items()}
        self.attributes, self.nested = self._selection()
        fixed = (rule.codes for rule in self.rules.rules if isinstance(rule, Identity) and rule.codes)
        self.codes = {number: code for codes in fixed for number, code in codes.code.items()}

    def _dotted(self, part: str) -> list[str]:
        return [name.rpartition(".")[2] for name in self.rules.writes() if name.startswith(f"{part}.")]

    def _selection(self) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
        """`attributes=`, and `nested_attributes=` by verb: what the rules read, and what a merge sends back."""
        paths = [path.split(".") for path in (*self.rules.reads(), *self.read_too)]
        below = [path[1] for path in paths if len(path) > 1 and not path[1].isdigit()]
        kept = [read_name(name) for names in self.parts.values() for name in names]
        for nested in self.nested_rules():
            kept += [] if nested.many else [read_name(name) for name in nested.keep]
        return (
            tuple(dict.fromkeys(path[0] for path in paths if path[0] not in ALWAYS)),
            {
                "list": tuple(dict.fromkeys(name for name in below if name not in ALWAYS)),
                "one": tuple(dict.fromkeys(name for name in (*below, *kept) if name not in ALWAYS)),
            },
        )

    def _check(self) -> None:
        if not self.verbs <= VERBS:
            raise TableWrong(f"{self.path}: unknown verb")
        if not self.v3 and self.local is None and not self.plans:
            raise TableWrong(f"{self.path}: served neither by v3.1 nor here")
        if "list" in self.verbs and not self.paged and "list" not in self.plans:
            raise TableWrong(f"{self.path}: a list that comes whole has no plan that says in which order")
        dotted = {name.partition(".")[0] for name in self.rules.writes() if "." in name}
        if "update" in self.verbs and not dotted <= self.extra.keys():
            raise TableWrong(f"{self.path}: a part that a merge cannot send back: {sorted(dotted - self.extra.keys())}")
        if self.verbs & {"create", "update", "delete"} and not (self.singleton or self.kind):
            raise TableWrong(f"{self.path}: written, but its ids have no kind")

    @property
    def name(self) -> str:
        """The resource's name for logs and metrics: `sales_invoices.payments`, `core.user`."""
        words = [word for word in self.path.split("/") if word != "*"]
        return ".".join(words if self.family == "accounts" else [self.family, *words])

    def nested_rules(self) -> list[Nested]:
        """The rules that hold lists of records with ids of their own."""
        return [rule for rule in self.rules.rules if isinstance(rule, Nested)]

    def kinds(self) -> set[str]:
        """The kinds that this table's references point at."""
        found: set[str] = set()
        for rules in (self.rules, *(nested.rules for nested in self.nested_rules())):
            found |= {rule.kind for rule in rules.rules if isinstance(rule, Reference)}
        return found

    def holds(self) -> set[str]:
        """The kinds whose records this table's records hold."""
        return {nested.holds for nested in self.nested_rules()}

    def speak(self, swap: Swap) -> Table:
        """The same table with a dialect's codecs."""
        table = copy(self)
        table._set(tuple(rule.swapped(swap) for rule in self.rules.rules))
        table.filters = tuple(f.swapped(swap) for f in self.filters)
        local = swap.get(self.local.name) if self.local else None
        table.local = local if isinstance(local, Codes) else self.local
        return table
