"""What the stand-in does where v3.1 is not documented, or varies: each a switch that a test can turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gateway.sandbox.token_behaviours import Policy


@dataclass(slots=True)
class Switches(Policy):
    """All may be changed while the stand-in runs; those of its tokens are the policy's."""

    show_legacy_id: bool = True
    """`show_legacy_id=true` is honoured; False: ignored, as in today's reference (v31.md §8)."""
    new_records_get_legacy_id: bool = False
    """Records created here get a legacy id, from 900,000,000 up."""
    consent: Literal["yes", "ask"] = "yes"
    """Whether users consent at once, or are asked on a page."""
    authorize_error: str = ""
    """The authorize page redirects with this `error` (`access_denied`) instead of a code."""
    strict_void_reason: bool = True
    """A void without a reason is refused (v31.md §12: not verified)."""
    attachments_name_transactions: bool = False
    """An attachment's context shows its parent's transaction, as the guide has it, not the parent."""
