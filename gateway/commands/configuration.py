"""Settings as the commands read them: a file, the environment, and what the command line says, which wins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from gateway.commands.refusal import MISUSED, refuse
from gateway.settings import Settings, SettingsWrong, load
from gateway.settings_sources import variable

USUAL_FILE = Path("config/gateway.toml")
"""Read where it exists and no other file is named."""


def read_settings(file: Path | None, said: Mapping[str, str | None], *, usual: bool = True) -> Settings:
    """The settings; `said` are those of the command line by their dotted keys, None for what was not said.

    Leaves with exit code 2 and a sentence for each thing that is wrong.
    """
    if file is None and usual and USUAL_FILE.is_file():
        file = USUAL_FILE
    environ = dict(os.environ)
    for key, value in said.items():
        if value is not None:
            environ.pop(f"{variable(key)}_FILE", None)
            environ[variable(key)] = value
    try:
        return load(file, environ)
    except SettingsWrong as wrong:
        refuse(MISUSED, *wrong.sentences)
