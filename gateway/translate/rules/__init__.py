"""The words tables are written in, one word a file."""

from gateway.translate.rules.computed import Computed
from gateway.translate.rules.constant import Aside, Constant, Unsupported
from gateway.translate.rules.field import Field, ReadOnly
from gateway.translate.rules.identity import Identity
from gateway.translate.rules.kept import Kept
from gateway.translate.rules.nested import Nested
from gateway.translate.rules.reference import Reference
from gateway.translate.rules.rule import Rule
from gateway.translate.rules.ruleset import RuleSet

__all__ = [
    "Aside",
    "Computed",
    "Constant",
    "Field",
    "Identity",
    "Kept",
    "Nested",
    "ReadOnly",
    "Reference",
    "Rule",
    "RuleSet",
    "Unsupported",
]
