"""deploy/compose.yaml: its schema, its locks, and that the gateway understands the settings it is given."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from gateway.commands.assemble import limits_of
from gateway.settings import load

FILE = Path(__file__).parent.parent.parent / "deploy" / "compose.yaml"
COMPOSE: dict[str, Any] = YAML(typ="safe").load(FILE)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_it_is_what_the_compose_specification_allows():
    """The published schema, as check-jsonschema ships it, finds nothing wrong."""
    command = ["-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    checked = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_locked_down(name):
    """Read-only root, no capability, no way to gain one, no root user, a /tmp of its own in memory."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert int(service["user"].split(":")[0]) > 0
    assert "tmp" in [mount.split(":")[0].lstrip("/") for mount in service["tmpfs"]]


@pytest.mark.parametrize("name", SERVICES)
def test_secrets_are_files(name):
    """No password, key or token stands in an environment variable: a file that holds it is named."""
    for variable, value in SERVICES[name].get("environment", {}).items():
        if value.startswith("/run/secrets/"):
            assert variable.endswith("_FILE")
            assert Path(value).name in SERVICES[name]["secrets"]
        else:
            assert not [word for word in ("PASSWORD", "KEY", "SECRET", "TOKEN") if word in variable]


def test_every_secret_used_is_defined_and_every_one_defined_is_used():
    """The list at the end is the list of files that an operator makes."""
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", ())}
    assert used == set(COMPOSE["secrets"])


def test_only_this_machine_reaches_the_gateway_and_nothing_outside_reaches_the_database():
    """What ends TLS stands before the gateway; the database's network leads nowhere."""
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["gateway"]["ports"])
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["gateway"]
    assert SERVICES["db"]["networks"] == ["store"]
    assert COMPOSE["networks"]["store"] == {"internal": True}


def test_the_gateway_knows_the_settings_it_is_given(tmp_path):
    """With the configuration and the files that the page's commands make, nothing remains to be set."""
    made = {"store_db": "postgresql://gateway:pw@db:5432/gateway", "store_key": "ab" * 32}
    for name, text in made.items():
        (tmp_path / name).write_text(text + "\n", "utf-8")
        (tmp_path / name).chmod(0o400)
    given = SERVICES["gateway"]["environment"]
    environ = {name: value.replace("/run/secrets", str(tmp_path)) for name, value in given.items()}
    settings = load(FILE.parent.parent / "config" / "example-production.toml", environ)
    assert settings.lacks() == ()


def test_a_stopping_gateway_is_given_the_time_it_takes():
    """A call in flight may end, and a refresh with it."""
    given = load(None, {})
    assert int(SERVICES["gateway"]["stop_grace_period"].removesuffix("s")) > limits_of(given).grace_seconds


def test_a_token_that_the_database_cannot_take_outlives_the_container():
    """The spool, and the marker that tells the database from a copy, lie in a folder of the machine."""
    gateway = SERVICES["gateway"]
    (kept,) = [Path(mount["target"]) for mount in gateway["volumes"] if not mount.get("read_only")]
    named = {name: Path(value) for name, value in gateway["environment"].items()}
    assert named["SAGE_GATEWAY_STORE__SPOOL"].parent == named["SAGE_GATEWAY_STORE__MARKER"].parent == kept
