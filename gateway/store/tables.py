"""The store's tables, as the newest migration leaves them.

Times are seconds since 1970, by the database's own clock in the lease columns and by ours elsewhere.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

serial = BigInteger().with_variant(Integer(), "sqlite")

meta = Table(
    "meta",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

sealing_keys = Table(
    "sealing_keys",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("purpose", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
)
"""Random keys, wrapped by the operator's key: `data` seals tokens, `digest` keys hashes of legacy tokens."""

grants = Table(
    "grants",
    metadata,
    Column("id", serial, primary_key=True),
    Column("app", Text, nullable=False),
    Column("sage_user", Text),
    Column("requested_by", Text),
    Column("generation", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("access_ct", LargeBinary),
    Column("access_expires_at", Double),
    Column("access_life", Double),
    Column("refresh_ct", LargeBinary),
    Column("refresh_expires_at", Double),
    Column("prev_refresh_ct", LargeBinary),
    Column("refreshed_at", Double),
    Column("state_since", Double),
    Column("lease_owner", Text),
    Column("lease_epoch", BigInteger, nullable=False),
    Column("lease_until", Double),
    Column("attempt_id", Text),
    Column("attempt_started", Double),
    Column("created_at", Double, nullable=False),
    UniqueConstraint("app", "sage_user"),
    CheckConstraint("state IN ('active', 'refreshing', 'ambiguous', 'reauth_required', 'revoked')", name="state_known"),
)
"""An app's consent by one Sage user. `sage_user` is None where only a refresh token was given;
`requested_by` is what Sage's answer told."""

grant_seeds = Table(
    "grant_seeds",
    metadata,
    Column("app", Text, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("grant_id", ForeignKey("grants.id"), nullable=False),
    Column("planted_at", Double, nullable=False),
)
"""Every refresh token that settings ever gave: one seen before has been spent, and is not planted again."""

token_rescue = Table(
    "token_rescue",
    metadata,
    Column("attempt_id", Text, primary_key=True),
    Column("grant_id", ForeignKey("grants.id"), nullable=False, index=True),
    Column("parent_generation", BigInteger, nullable=False),
    Column("access_ct", LargeBinary, nullable=False),
    Column("access_expires_at", Double, nullable=False),
    Column("refresh_ct", LargeBinary, nullable=False),
    Column("refresh_expires_at", Double),
    Column("rescued_at", Double, nullable=False),
)
"""Tokens that came when somebody else had stored the grant's next generation (reliability.md §3.3 step 5)."""

tenants = Table(
    "tenants",
    metadata,
    Column("id", serial, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("app", Text, nullable=False),
    Column("business", Text, nullable=False),
    Column("grant_id", ForeignKey("grants.id"), nullable=False, index=True),
    Column("seed", LargeBinary),
    Column("created_at", Double, nullable=False),
    Column("disconnected_at", Double),
    UniqueConstraint("app", "business"),
    CheckConstraint("length(business) > 0", name="business_named"),
)
"""An app with one business. `seed` is the digest of the refresh token that settings gave last. While
`disconnected_at` is set, no token of it is known."""

legacy_tokens = Table(
    "legacy_tokens",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("expires_at", Double),
    Column("created_at", Double, nullable=False),
    Column("origin", Text, nullable=False, server_default="settings"),
    Column("scope", Text),
    Column("spent_at", Double),
    CheckConstraint("kind IN ('access', 'refresh')", name="kind_known"),
    sqlite_with_rowid=False,
)
"""Keyed hashes of the tokens that v2 clients hold. Those of `origin` "settings" go when the settings name them no
more; "imported" ones stay; "issued" ones are the gateway's own, and go some time after their end. `scope` is None
where it is the app's; `spent_at` is when a refresh token was first traded for its successor."""

codes = Table(
    "codes",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("tenant_id", ForeignKey("tenants.id"), nullable=False, index=True),
    Column("redirect_uri", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("spent_at", Double),
    sqlite_with_rowid=False,
)
"""Keyed hashes of the authorization codes that apps trade for legacy tokens, once (v2.md §1.2)."""

links = Table(
    "links",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("name", Text, nullable=False, index=True),
    Column("app", Text, nullable=False),
    Column("business", Text),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("used_at", Double),
    sqlite_with_rowid=False,
)
"""Keyed hashes of one-time connect links: whoever opens one and consents at Sage makes the tenant `name` live. With
`business`, only a consent that reaches it is accepted."""

authorizations = Table(
    "authorizations",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("stage", Text, nullable=False),
    Column("app", Text, nullable=False),
    Column("browser", LargeBinary, nullable=False),
    Column("redirect_uri", Text),
    Column("scope", Text, nullable=False),
    Column("link", LargeBinary),
    Column("verifier_ct", LargeBinary, nullable=False),
    Column("grant_id", ForeignKey("grants.id"), index=True),
    Column("country", Text),
    Column("businesses_ct", LargeBinary),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    CheckConstraint("stage IN ('asked', 'redeeming', 'choosing', 'done')", name="stage_known"),
    sqlite_with_rowid=False,
)
"""Browsers on their way to Sage and back. `digest` is the keyed hash of the state's random part, `browser` that of
the cookie; either an app's `redirect_uri` or a `link`; `verifier_ct` is the verifier with the app's own state, and
`businesses_ct` what there is to choose from, both sealed."""

id_pairs = Table(
    "id_pairs",
    metadata,
    Column("business", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("legacy_id", BigInteger, primary_key=True, autoincrement=False),
    Column("modern_id", Text, nullable=False),
    Column("origin", Text, nullable=False),
    Column("shown", Boolean, nullable=False),
    CheckConstraint("length(business) > 0", name="business_named"),
    CheckConstraint("origin IN ('sage', 'minted')", name="origin_known"),
    CheckConstraint("legacy_id > 0", name="legacy_id_positive"),
    sqlite_with_rowid=False,
)
"""What a legacy id means, for ever: triggers refuse UPDATE and DELETE (reliability.md §3.2 G6)."""

Index(
    "uq_id_pairs_shown",
    id_pairs.c.business,
    id_pairs.c.kind,
    id_pairs.c.modern_id,
    unique=True,
    sqlite_where=id_pairs.c.shown,
    postgresql_where=id_pairs.c.shown,
)

id_counters = Table(
    "id_counters",
    metadata,
    Column("business", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("next", BigInteger, nullable=False),
    CheckConstraint("length(business) > 0", name="business_named"),
    sqlite_with_rowid=False,
)
"""The next number to mint; a trigger refuses to let it fall."""

kept_fields = Table(
    "kept_fields",
    metadata,
    Column("business", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("modern_id", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value_ct", LargeBinary, nullable=False),
    CheckConstraint("length(business) > 0", name="business_named"),
    sqlite_with_rowid=False,
)
"""What v3.1 has no place for, beside its records: the v2 attribute's name, and its value as sealed JSON."""
