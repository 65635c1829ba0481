"""Settings: `config/gateway.toml` and the environment, checked at start and frozen ever after.

The environment wins over the file: `SAGE_GATEWAY_APPS__ACME__CLIENT_ID` is `apps.acme.client_id`.
A variable with the prefix but without `__` is none of ours (Kubernetes makes such ones for every service).
Secrets come from the environment, or from a file that a `*_file` setting names, never from the TOML.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from gateway.settings_sections import Alarms, App, Limits, Section, Server, Store, TenantSettings, Tokens, Upstream
from gateway.settings_sources import Environment, SettingsWrong, TomlFile, sentences
from gateway.settings_values import Name

__all__ = [
    "Alarms",
    "App",
    "Limits",
    "Section",
    "Server",
    "Settings",
    "SettingsWrong",
    "Store",
    "TenantSettings",
    "Tokens",
    "Upstream",
    "load",
]


class Settings(BaseSettings):
    """All settings of one gateway."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    server: Server = Server()
    store: Store = Store()
    upstream: Upstream = Upstream()
    apps: dict[Name, App] = {}
    tenants: dict[Name, TenantSettings] = {}
    tokens: Tokens = Tokens()
    alarms: Alarms = Alarms()
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _tenants_have_apps(self) -> Settings:
        for name, tenant in self.tenants.items():
            if tenant.app not in self.apps:
                raise ValueError(f"tenants.{name}.app names no app of these settings: add [apps.{tenant.app}]")
        return self

    @model_validator(mode="after")
    def _apps_are_told_apart(self) -> Settings:
        owners: dict[str, str] = {}
        for name, app in self.apps.items():
            if (other := owners.setdefault(app.client_id, name)) != name:
                raise ValueError(f"apps.{name}.client_id is that of apps.{other}: nobody could tell which app asks")
        return self

    def lacks(self) -> tuple[str, ...]:
        """What must still be set before real books may be served, each as a sentence; empty if nothing."""
        wanted = (
            ("upstream.api", self.upstream.api, "the base URL of v3.1, https://api.accounting.sage.com/v3.1"),
            ("store.db", self.store.db, "where the gateway keeps its data, such as sqlite:///gateway.db"),
            ("store.key", self.store.has_key or None, "the key that encrypts tokens: openssl rand -hex 32 makes one"),
        )
        return tuple(f"{key} is not set: {meaning}." for key, value, meaning in wanted if value is None)


def load(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings of a TOML file (none: defaults) and of the environment, which wins.

    Raises SettingsWrong with all that is wrong.
    """

    class Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: Any, **__: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return Environment(settings_cls, environ), TomlFile(settings_cls, path)

    try:
        return Loaded()
    except ValidationError as wrong:
        raise SettingsWrong(sentences(wrong, Settings)) from None
