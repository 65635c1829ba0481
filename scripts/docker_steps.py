"""Carry out the Dockerfile's steps without a Docker engine, and see that what they make serves.

    .venv/bin/python scripts/docker_steps.py

The stages' files lie under one temporary folder that stands for `/`; base images are the Python that runs
this.  An instruction that this script does not know is an error, so that none goes unexercised in silence.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
UP_WITHIN = 30.0  # seconds until the health check must pass
DOWN_WITHIN = 15.0  # seconds from SIGTERM to the end


@dataclass
class Image:
    """What the instructions have said so far; paths are the image's own, `/` being the folder `root`."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = "0"
    said: dict[str, list[str]] = field(default_factory=dict)

    def path(self, name: str) -> Path:
        """Where `name`, absolute or relative to the working folder, lies on this machine."""
        return self.root / os.path.normpath(Path(self.workdir, name)).lstrip("/")

    def environment(self) -> dict[str, str]:
        """The process environment: ENV, with paths under /opt taken to where they lie on this machine."""
        here = {name: value for name, value in os.environ.items() if not name.startswith("SAGE_GATEWAY_")}
        here |= {"PYTHON": sys.executable, "PYTHONPATH": ""}
        moved = {name: re.sub(r"(?<![^:])/opt/", f"{self.root}/opt/", v) for name, v in self.env.items()}
        return here | {name: value.replace("$PATH", os.environ["PATH"]) for name, value in moved.items()}


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Each instruction of a Dockerfile and the rest of its line, continued lines joined, comments dropped."""
    kept = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in re.sub(r"\\\n\s*", "", kept).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word, rest.strip()


def context(root: Path = ROOT) -> list[str]:
    """The tracked files that .dockerignore lets into the build, relative to `root`."""
    lines = (root / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True)
    return [name for name in tracked.stdout.split("\0") if name and not ignored(name, rules)]


def ignored(name: str, rules: list[str]) -> bool:
    """Whether the last rule that matches `name`, or a folder above it, leaves it out."""
    verdict = False
    for rule in rules:
        pattern = re.escape(rule.removeprefix("!")).replace(r"\*\*/", "(.*/)?").replace(r"\*", "[^/]*")
        if re.fullmatch(f"{pattern}(/.*)?", name):
            verdict = not rule.startswith("!")
    return verdict


def carry_out(text: str, root: Path, files: list[str]) -> Image:
    """Carry out every instruction; what the last stage says is returned."""
    image = Image(root)
    for word, rest in instructions(text):
        match word:
            case "FROM":
                image = Image(root)
            case "ENV":
                image.env |= dict(pair.split("=", 1) for pair in shlex.split(rest))
            case "WORKDIR":
                image.workdir = rest
                image.path(".").mkdir(parents=True, exist_ok=True)
            case "COPY":
                copy(shlex.split(rest), image, files)
            case "RUN":
                print(f"RUN {rest}", flush=True)
                subprocess.run(["/bin/sh", "-c", rest], cwd=image.path("."), env=image.environment(), check=True)
            case "USER":
                image.user = rest
            case "HEALTHCHECK":
                image.said[word] = json.loads(rest[rest.index("CMD ") + 4 :])
            case "ENTRYPOINT" | "CMD":
                image.said[word] = json.loads(rest)
            case "LABEL" | "EXPOSE" | "STOPSIGNAL":
                pass
            case _:
                raise SystemExit(f"scripts/docker_steps.py does not know the instruction {word}")
    return image


def copy(words: list[str], image: Image, files: list[str]) -> None:
    """COPY: tracked files of the build's context, or a folder of the stage before, kept where it was."""
    *sources, target = words
    if sources[0].startswith("--from="):
        if sources[1:] != [target]:
            raise SystemExit("a virtual environment works only where it was made: COPY --from must keep its path")
        return
    for source in sources:
        names = [name for name in files if name == source or name.startswith(source.rstrip("/") + "/")]
        if not names:
            raise SystemExit(f"COPY {source}: no tracked file that .dockerignore lets in")
        for name in names:
            below = Path(name).name if name == source else Path(name).relative_to(source)
            there = image.path(target) / below
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, there)


def prove(image: Image, empty: Path) -> None:
    """See that the image's command helps, refuses to serve unconfigured, serves, and stops in good order."""
    env = image.environment()
    gateway = shutil.which(image.said["ENTRYPOINT"][0], path=env["PATH"])
    if gateway is None or not gateway.startswith(str(image.root)):
        raise SystemExit(f"the entry point found is {gateway}, not the installed one")
    if image.user.split(":")[0] in ("0", "root"):
        raise SystemExit("the image runs as root")
    subprocess.run([gateway, "--help"], env=env, cwd=empty, check=True, stdout=subprocess.DEVNULL)
    bare = subprocess.run([gateway, *image.said["CMD"]], env=env, cwd=empty, check=False, timeout=UP_WITHIN)
    if bare.returncode != 2:
        raise SystemExit(f"without configuration, {image.said['CMD']} ended with {bare.returncode}, not 2")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    listen = ["--host", "127.0.0.1", "--port", port, "--admin", "127.0.0.1:9080"]
    serve = [gateway, "serve", "--sandbox", *listen]
    with subprocess.Popen(serve, env=env, cwd=empty, stdout=subprocess.DEVNULL) as process:
        try:
            healthy(process, image.said["HEALTHCHECK"], env)
        finally:
            process.send_signal(signal.SIGTERM)
            status = process.wait(DOWN_WITHIN)
    if status != 0:
        raise SystemExit(f"SIGTERM ended the server with {status}, not 0")
    if list(empty.iterdir()):
        raise SystemExit(f"the server wrote into its working folder: {list(empty.iterdir())}")


def healthy(process: subprocess.Popen[bytes], check: list[str], env: dict[str, str]) -> None:
    """Return when the health check passes; end the script where it does not within `UP_WITHIN` seconds."""
    deadline = time.monotonic() + UP_WITHIN
    while subprocess.run(check, env=env, check=False, capture_output=True).returncode != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("the server never passed the image's health check")
        time.sleep(0.25)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "empty").mkdir()
        made = carry_out((ROOT / "Dockerfile").read_text("utf-8"), Path(folder) / "root", context())
        prove(made, Path(folder) / "empty")
    print("The image's steps install a gateway that helps, serves, is healthy and stops in good order.")
