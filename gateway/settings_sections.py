"""The sections of the settings: what each key means, and what it may be."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from gateway.settings_keys import key_of, printed_by, words_of
from gateway.settings_sources import read_secret
from gateway.settings_values import (
    ApiUrl,
    Business,
    Country,
    HeaderName,
    LegacyId,
    Listener,
    Name,
    PublicUrl,
    RedirectUri,
    Several,
    UpstreamUrl,
    shaped,
)

HASH_WORDS = "what `sage-gateway apps hash` prints: sha256: and 64 hexadecimal digits"


class Section(BaseModel):
    """A section of the settings. What it lists in `secret` may be given as `NAME_file` instead."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    secret: ClassVar[tuple[str, ...]] = ()
    private: ClassVar[frozenset[str]] = frozenset()
    """Secrets whose file may not be readable by everybody."""

    @model_validator(mode="before")
    @classmethod
    def _from_files(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        given = dict(given)
        for name in cls.secret:
            path = given.pop(f"{name}_file", None)
            if path is None:
                continue
            if name in given:
                raise ValueError(f"{name} and {name}_file are both set: drop one of them")
            given[name] = read_secret(name, Path(path), private=name in cls.private)
        return given


class Server(Section):
    """The public listener and the admin listener."""

    public_urls: Annotated[tuple[PublicUrl, ...], Several] = ()
    """The URLs under which v2 clients call the gateway; signatures are verified against them."""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    admin: Listener = "127.0.0.1:9080"
    """HOST:PORT of health checks and metrics, or `off`."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_minimum: Literal["1.0", "1.1", "1.2", "1.3"] = "1.2"
    address_header: HeaderName | None = None
    """The header in which your own proxy writes a client's address (`X-Real-IP`); without one, the connection's
    address is the client's. Only for the limits on wrong tokens and on sign-ins."""

    @model_validator(mode="after")
    def _both_or_none(self) -> Server:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together: set both or none")
        return self


class Store(Section):
    """The gateway's own database, and the key that its secrets are encrypted with."""

    secret = ("db", "key", "old_key")
    private = frozenset({"key", "old_key"})

    db: SecretStr | None = None
    """`sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`; secret, since it may hold a password."""
    key: SecretStr | None = None
    """32 random bytes, written as 64 hexadecimal digits or in base64."""
    key_command: str | None = None
    """A command that prints the key (a vault's client), run once at the start without a shell."""
    old_key: SecretStr | None = None
    """The key before this one, until `sage-gateway keys rotate` has run."""
    marker: Path | None = None
    """A file outside the database that says which database is served: a copied database has none, and stays
    unused. By default beside an SQLite file; on PostgreSQL none."""
    spool: Path | None = None
    """A file for tokens that the store cannot take at the moment. By default beside an SQLite file."""
    keep: bool = True
    """Whether what v3.1 has no place for is kept, encrypted, beside its records."""

    @model_validator(mode="after")
    def _usable(self) -> Store:
        scheme = self.db.get_secret_value().partition("://")[0] if self.db else "sqlite"
        if scheme not in {"sqlite", "postgresql"}:
            raise ValueError("db must begin with sqlite:/// or postgresql://")
        if self.key is not None and self.key_command is not None:
            raise ValueError("key (or key_file) and key_command are both set: drop one of them")
        if self.key_command is not None:
            words_of(self.key_command)
        for name, given in (("key", self.key), ("old_key", self.old_key)):
            if given is not None:
                key_of(given.get_secret_value(), name)
        return self

    @property
    def file(self) -> Path | None:
        """The SQLite file; None where the store is none, or not set."""
        scheme, _, path = self.db.get_secret_value().partition(":///") if self.db else ("", "", "")
        return Path(path.partition("?")[0]) if scheme == "sqlite" else None

    def beside(self, suffix: str) -> Path | None:
        """A path beside the SQLite file: its name with `.suffix` behind."""
        return None if self.file is None else self.file.with_name(f"{self.file.name}.{suffix}")

    @property
    def spool_path(self) -> Path | None:
        """Where tokens go that the store cannot take."""
        return self.spool or self.beside("spool")

    @property
    def marker_path(self) -> Path | None:
        """Where it is said which database is served; None where nobody says it."""
        return self.marker or self.beside("marker")

    @property
    def has_key(self) -> bool:
        """Whether a key is set, or a command that prints it."""
        return self.key is not None or self.key_command is not None

    @cached_property
    def keys(self) -> tuple[bytes, ...]:
        """The operator's key, then the one before it where there is one, 32 bytes each; runs `key_command`, once.

        Raises ValueError with half a sentence where there is no key, or none of that length.
        """
        if self.key is not None or self.key_command is None:
            present = key_of(self.key.get_secret_value() if self.key else "")
        else:
            present = key_of(printed_by(self.key_command), "what key_command prints")
        return (present, key_of(self.old_key.get_secret_value(), "old_key")) if self.old_key else (present,)


class Upstream(Section):
    """Sage's addresses (v31.md §1)."""

    authorize: UpstreamUrl = "https://www.sageone.com/oauth2/auth/central?filter=apiv3.1"
    token: UpstreamUrl = "https://oauth.accounting.sage.com/token"  # noqa: S105 -- an address
    revoke: UpstreamUrl = "https://oauth.accounting.sage.com/revoke"
    api: ApiUrl | None = None
    """The base of v3.1, `https://api.accounting.sage.com/v3.1`: without a default, so that nobody writes to
    real books unawares."""


class App(Section):
    """A registered client software: how v2 clients know it, and how Sage does."""

    secret = ("client_secret", "signing_secret", "v31_client_secret", "v31_client_secret_previous")

    client_id: Annotated[str, Field(min_length=1)]
    client_secret: SecretStr | None = None
    """The v2 client secret itself, in place of its hash."""
    client_secret_hash: Annotated[str, shaped("sha256:[0-9a-f]{64}", HASH_WORDS, 71)] | None = None
    """The hash of the v2 client secret, as `sage-gateway apps hash` prints it; not a secret itself."""
    signing_secret: SecretStr | None = None
    redirect_uris: Annotated[tuple[RedirectUri, ...], Several] = ()
    """Where browsers may be sent back to, each exactly as the app says it."""
    signature: Literal["off", "report", "enforce"] = "report"
    rare_signatures: bool = False
    """Whether the rarer signature variants of real clients are taken too (captures/README.md §4)."""
    scope: Literal["full_access", "readonly"] = "full_access"
    country: Country = "gb"
    date_order: Literal["dmy", "mdy"] = "dmy"
    date_out: Literal["iso", "dmy"] = "iso"
    access_token_lifetime: Annotated[int, Field(ge=60, le=31_536_000)] | Literal["never"] = 3600
    """Seconds that a legacy token lives (v2.md §1.3), or `never`: it does not lapse."""
    cash_customer: LegacyId | None = None
    sales_ledger_account: LegacyId | None = None
    daily_calls: Annotated[int, Field(ge=1)] = 1_296_000
    """Sage's limit on an app's requests a day (v31.md §11)."""
    v31_client_id: str | None = None
    v31_client_secret: SecretStr | None = None
    v31_client_secret_previous: SecretStr | None = None
    """The secret before this one, tried where Sage does not take the new one yet."""

    @model_validator(mode="after")
    def _enforceable(self) -> App:
        secret = self.signing_secret.get_secret_value() if self.signing_secret else ""
        if self.signature == "enforce" and not secret:
            raise ValueError('signature is "enforce", which takes a signing_secret (or signing_secret_file)')
        return self

    @model_validator(mode="after")
    def _reads_what_it_shows(self) -> App:
        if (self.date_order, self.date_out) == ("mdy", "dmy"):
            raise ValueError(
                'date_out is "dmy" and date_order "mdy": a date sent back as it was shown would be another'
            )
        return self


class TenantSettings(Section):
    """A tenant: an app with one business, and the tokens it starts with."""

    secret = ("access_token", "refresh_token", "v31_refresh_token")

    app: Name
    business: Business
    """The id of the v3.1 business that the tenant is pinned to."""
    access_token: SecretStr | None = None
    refresh_token: SecretStr | None = None
    v31_refresh_token: SecretStr | None = None


class Tokens(Section):
    """The gateway's own tokens for v2 clients."""

    refresh_grace: Annotated[float, Field(ge=0, le=86_400)] = 120.0
    """Seconds in which a refresh whose answer was lost may be repeated with the same token."""
    wrong_per_minute: Annotated[int, Field(ge=1)] = 60
    """Wrong tokens, codes and secrets of one address, or with one token's beginning, before it must wait."""
    lease_seconds: Annotated[float, Field(ge=3, le=600)] = 60.0
    """For so long a replica that refreshes a grant keeps the others from it, dead or alive; Sage's token endpoint has
    a third of it for its answer."""


class Alarms(Section):
    """Whom to tell of what a person must mend."""

    secret = ("webhook",)

    webhook: SecretStr | None = None
    """A URL that gets a JSON POST for each alarm; secret, since many hold a token."""

    @model_validator(mode="after")
    def _callable(self) -> Alarms:
        if self.webhook is not None and not self.webhook.get_secret_value().startswith(("https://", "http://")):
            raise ValueError("webhook must be a URL that begins with https:// or http://")
        return self


class Limits(Section):
    """Limits (reliability.md §3.5): sizes in bytes, times in seconds."""

    target: Annotated[int, Field(ge=256)] = 8192
    headers: Annotated[int, Field(ge=8)] = 64
    header_line: Annotated[int, Field(ge=256)] = 8192
    body: Annotated[int, Field(ge=1024)] = 1024 * 1024
    header_seconds: Annotated[float, Field(gt=0)] = 10.0
    body_seconds: Annotated[float, Field(gt=0)] = 30.0
    idle_seconds: Annotated[float, Field(gt=0)] = 75.0
    calls_per_connection: Annotated[int, Field(ge=1)] = 1000
    tenant_in_flight: Annotated[int, Field(ge=1)] = 16
    in_flight: Annotated[int, Field(ge=1)] = 512
    queue_seconds: Annotated[float, Field(gt=0)] = 5.0
    upstream_connect_seconds: Annotated[float, Field(gt=0)] = 3.0
    upstream_seconds: Annotated[float, Field(gt=0)] = 60.0
    upstream_body: Annotated[int, Field(ge=1024)] = 32 * 1024 * 1024
    upstream_in_flight: Annotated[int, Field(ge=1, le=150)] = 150
    """Requests of one app at a time; v3.1 refuses more than 150 (v31.md §11)."""
