"""What the stand-in does where v3.1 is not documented, or varies: each a switch that a test can turn."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Switches:
    """All may be changed while the stand-in runs."""

    show_legacy_id: bool = True
    """`show_legacy_id=true` is honoured; False: ignored, as in today's reference (v31.md §8)."""
    new_records_get_legacy_id: bool = False
    """Records created here get a legacy id, from 900,000,000 up."""
    kill_family_on_reuse: bool = True
    """A spent refresh token presented again revokes all tokens that descend from the same consent."""
    rotate_refresh_tokens: bool = True
    """Every refresh answers with a new refresh token and spends the old one."""
    refresh_grace: float = 0.0
    """Seconds for which a spent refresh token still works, giving another pair."""
    access_token_lifetime: int = 300
    """Seconds (v31.md §2)."""
    refresh_token_lifetime: int = 2_678_400
    """Seconds: 31 days (v31.md §2)."""
    authorize_error: str = ""
    """The authorize page redirects with this `error` (`access_denied`) instead of a code."""
    strict_void_reason: bool = True
    """A void without a reason is refused (v31.md §12: not verified)."""
    attachments_name_transactions: bool = False
    """An attachment's context shows its parent's transaction, as the guide has it, not the parent."""
