"""Where settings come from, and what is said about them when they are wrong."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

PREFIX = "SAGE_GATEWAY_"

SECRETS: Mapping[str, frozenset[str]] = {
    "store": frozenset({"key", "old_key"}),
    "apps": frozenset({"client_secret", "signing_secret", "v31_client_secret", "v31_client_secret_previous"}),
    "alarms": frozenset({"webhook"}),
    "tenants": frozenset({"access_token", "refresh_token", "v31_refresh_token"}),
}
"""The settings that are secrets, by their section: each may also be given as `NAME_file`."""

_PATHS = frozenset({f"{name}_file" for names in SECRETS.values() for name in names}) | frozenset(
    {"db_file", "tls_cert", "tls_key", "marker", "spool"}
)

_FILE = "sqlite:///"
"""Begins a store's address; the path of its file follows."""


class SettingsWrong(Exception):  # noqa: N818 -- a sentence, like all of our errors
    """The settings cannot be used. `sentences` says all that is wrong, with the key and how to mend it.

    No sentence quotes a value, since the value may be a secret.
    """

    def __init__(self, sentences: Iterable[str]) -> None:
        self.sentences = tuple(sentences)
        super().__init__("\n".join(self.sentences))


class Environment(PydanticBaseSettingsSource):
    """Settings from environment variables: the prefix, then the key's parts joined by `__`."""

    def __init__(self, settings: type[BaseSettings], environ: Mapping[str, str]) -> None:
        super().__init__(settings)
        self._environ = environ

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """One section of the settings, as the framework asks for it."""
        return self().get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """All that the environment sets, as nested text values."""
        found: dict[str, Any] = {}
        for name, value in sorted(self._environ.items()):
            key = name.removeprefix(PREFIX)
            if key == name or "__" not in key:
                continue
            parts = key.lower().split("__")
            place = found
            for part in parts[:-1]:
                place = place.setdefault(part, {})
                if not isinstance(place, dict):
                    raise SettingsWrong([f"{name} sets a part of what another variable sets whole: drop one."])
            place[parts[-1]] = value
        return found


class TomlFile(PydanticBaseSettingsSource):
    """Settings from a TOML file, which may hold no secret; paths in it are relative to its folder."""

    def __init__(self, settings: type[BaseSettings], path: Path | None) -> None:
        super().__init__(settings)
        self._path = path

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """One section of the settings, as the framework asks for it."""
        return self().get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """What the file says. Raises SettingsWrong where it cannot be read or holds a secret."""
        if self._path is None:
            return {}
        try:
            found = tomllib.loads(self._path.read_text("utf-8"))
        except OSError as wrong:
            raise SettingsWrong([f"{self._path} cannot be read: {wrong.strerror}."]) from None
        except UnicodeDecodeError:
            raise SettingsWrong([f"{self._path} is not UTF-8 text."]) from None
        except tomllib.TOMLDecodeError as wrong:
            raise SettingsWrong([f"{self._path} is not TOML: {wrong}."]) from None
        if refused := list(_secrets_in(found, self._path)):
            raise SettingsWrong(refused)
        return _anchored(found, self._path.parent)


def variable(key: str) -> str:
    """The environment variable of a dotted key."""
    return PREFIX + key.upper().replace(".", "__")


def sentences(wrong: ValidationError, model: type[BaseSettings]) -> Iterator[str]:
    """Each thing that is wrong as one sentence that names its key and how to mend it."""
    for error in wrong.errors(include_url=False, include_input=False, include_context=False):
        key = ".".join(str(part) for part in error["loc"] if part != "[key]")
        told = error["msg"].removeprefix("Value error, ").rstrip(".")
        if error["type"] == "missing":
            yield f"{key} is missing: set it in the TOML file or as {variable(key)}."
        elif error["type"] == "extra_forbidden":
            yield f"{key} is not a setting{_nearest(error['loc'], model)}."
        else:
            yield f"{key}: {told}." if key else f"{told}."


def read_secret(key: str, path: Path, *, private: bool) -> str:
    """The secret in a file, without the white space around it.

    Raises ValueError with a sentence where the file cannot be read, is empty, or, if it must be `private`,
    may be read by everybody (reliability.md §6).
    """
    try:
        text = path.read_text("utf-8").strip()
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as wrong:
        reason = getattr(wrong, "strerror", None) or "it is not text"
        raise ValueError(f"the file that {key}_file names cannot be read: {reason}") from None
    if not text:
        raise ValueError(f"the file that {key}_file names is empty")
    if private and mode & 0o004:
        raise ValueError(f"the file that {key}_file names may be read by every user: chmod 600 mends it")
    return text


def _secrets_in(found: Mapping[str, Any], path: Path) -> Iterator[str]:
    for section, names in SECRETS.items():
        table = found.get(section)
        if not isinstance(table, dict):
            continue
        entries = {f"{section}.{name}": entry for name, entry in table.items()}
        if section in ("store", "alarms"):
            entries = {section: table}
        for where, entry in entries.items():
            for name in sorted(names & entry.keys()) if isinstance(entry, dict) else ():
                key = f"{where}.{name}"
                yield (
                    f"{path}: {key} is a secret and may not stand in this file: "
                    f"set {variable(key)}, or name a file that holds it as {key}_file."
                )
    database = found.get("store", {}).get("db", "") if isinstance(found.get("store"), dict) else ""
    if isinstance(database, str) and ":" in database.partition("://")[2].rpartition("@")[0]:
        yield (
            f"{path}: store.db holds a password, which may not stand in this file: "
            "set SAGE_GATEWAY_STORE__DB, or name a file that holds the URL as store.db_file."
        )


def _anchored(found: dict[str, Any], folder: Path) -> dict[str, Any]:
    anchored: dict[str, Any] = {}
    for name, value in found.items():
        if isinstance(value, dict):
            anchored[name] = _anchored(value, folder)
        elif name in _PATHS and isinstance(value, str):
            anchored[name] = str(folder / value)
        elif name == "db" and isinstance(value, str) and value.startswith(_FILE):
            anchored[name] = f"{_FILE}{folder.absolute() / value.removeprefix(_FILE)}"
        else:
            anchored[name] = value
    return anchored


def _nearest(loc: tuple[int | str, ...], model: type[BaseSettings]) -> str:
    known: Any = model
    for part in loc[:-1]:
        fields = getattr(known, "model_fields", {})
        if part in fields:
            note = fields[part].annotation
            known = note.__args__[1] if getattr(note, "__origin__", None) is not None else note
    names = list(getattr(known, "model_fields", {}))
    close = get_close_matches(str(loc[-1]), names, 1)
    return f": {close[0]} is meant, perhaps" if close else f"; there are {', '.join(names)}"
