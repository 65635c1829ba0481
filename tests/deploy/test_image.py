"""The Dockerfile; that its steps work is shown by scripts/docker_steps.py in CI."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.docker_steps import Image, carry_out, context, copy, ignored, instructions

ROOT = Path(__file__).parent.parent.parent
STEPS = list(instructions((ROOT / "Dockerfile").read_text("utf-8")))


def last_stage() -> dict[str, str]:
    """The instructions of the stage that serves; none of them stands there twice."""
    start = max(number for number, (word, _) in enumerate(STEPS) if word == "FROM")
    return dict(STEPS[start:])


def test_the_build_sees_sources_and_nothing_else():
    """Tests, scripts, secrets and the clone's history stay out of the build."""
    outside = [name for name in context() if not name.startswith("gateway/")]
    assert sorted(outside) == [
        "LICENSE",
        "README.md",
        "deploy/install.sh",
        "pyproject.toml",
        "requirements-build.lock",
        "requirements.lock",
    ]


def test_every_copied_file_is_in_the_build(tmp_path):
    """What COPY names is tracked and let in by .dockerignore, and lands where the next step looks for it."""
    image = Image(tmp_path, workdir="/src")
    for word, rest in STEPS:
        if word == "COPY":
            copy(rest.split(), image, context())
    for name in ("pyproject.toml", "deploy/install.sh", "gateway/__init__.py", "requirements.lock"):
        assert (tmp_path / "src" / name).is_file()


def test_the_serving_stage_is_unprivileged_and_runs_nothing():
    """It has a numeric user that is not root, no volume, and only copies what the first stage made."""
    stage = last_stage()
    assert stage.keys() == {
        "FROM",
        "LABEL",
        "COPY",
        "ENV",
        "USER",
        "EXPOSE",
        "STOPSIGNAL",
        "HEALTHCHECK",
        "ENTRYPOINT",
        "CMD",
    }
    assert int(stage["USER"].split(":")[0]) > 0
    assert (stage["ENTRYPOINT"], stage["CMD"]) == ('["sage-gateway"]', '["serve"]')


def test_the_health_check_asks_the_admin_listener():
    """/healthz on the admin listener's default address, never the public port."""
    assert "http://127.0.0.1:9080/healthz" in last_stage()["HEALTHCHECK"]


def test_an_instruction_that_is_not_exercised_is_an_error(tmp_path):
    """Whoever adds a kind of instruction must teach scripts/docker_steps.py what it does."""
    with pytest.raises(SystemExit, match="ONBUILD"):
        carry_out("FROM x\nONBUILD RUN true\n", tmp_path, [])


def test_a_step_that_fails_ends_the_script(tmp_path):
    """RUN is really run, in the working folder, with the environment that ENV made."""
    made = carry_out("FROM x\nENV A=b\nWORKDIR /src\nRUN echo $A > seen\n", tmp_path, [])
    assert (made.path("seen")).read_text("utf-8") == "b\n"
    with pytest.raises(Exception, match="returned non-zero exit status 3"):
        carry_out("FROM x\nRUN exit 3\n", tmp_path, [])


def test_a_virtual_environment_may_not_move_between_stages(tmp_path):
    """Its scripts name their interpreter by path."""
    with pytest.raises(SystemExit, match="keep its path"):
        copy(["--from=build", "/opt/a", "/opt/b"], Image(tmp_path), [])


@pytest.mark.parametrize(
    ("name", "out"),
    [
        ("gateway/cli.py", False),
        ("gateway/__pycache__/cli.pyc", True),
        ("tests/test_project.py", True),
        ("deploy/install.sh", False),
        ("deploy/secrets/store_key", True),
    ],
)
def test_the_last_rule_that_matches_decides(name, out):
    """.dockerignore is read as Docker reads it: a rule for a folder holds for what is below."""
    rules = ["*", "!gateway", "!deploy/install.sh", "**/__pycache__"]
    assert ignored(name, rules) is out
