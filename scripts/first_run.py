"""See that a newcomer's first minutes work: clone, `make serve`, paste the curl line it prints.

    .venv/bin/python scripts/first_run.py

The clone is of the last commit, into a folder with spaces in its name; it shares nothing with this one but
what pip has cached.  Nothing of the environment that configures a gateway is passed on.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parent.parent
PRINTS_WITHIN = 300.0  # seconds: making .venv and installing are among them
ENDS_WITHIN = 20.0


def main() -> None:
    """Run the newcomer's commands; end with a sentence where one of them fails."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "a new clone"
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone)], check=True)
        env = {name: value for name, value in os.environ.items() if not name.startswith("SAGE_GATEWAY_")}
        begun = time.monotonic()
        with subprocess.Popen(
            ["make", "serve"],
            cwd=clone,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as server:
            try:
                command = curl_line(server)
                print(f"make serve printed its curl line after {time.monotonic() - begun:.0f} s: {command}")
                paste(command, folder)
            finally:
                stop(server)
        left = subprocess.run(["git", "status", "--porcelain"], cwd=clone, check=True, capture_output=True, text=True)
        if left.stdout:
            sys.exit(f"make serve left files that git does not ignore:\n{left.stdout}")
    print("A new clone serves, and its curl line answers with v2 JSON.")


def curl_line(server: subprocess.Popen[str]) -> str:
    """The curl command that the server prints, continued lines joined."""
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=read, args=(server.stdout, lines), daemon=True).start()
    deadline, command = time.monotonic() + PRINTS_WITHIN, ""
    seen: list[str] = []
    while True:
        try:
            line = lines.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            line = None
        if line is None:
            sys.exit("make serve printed no curl line, but:\n" + "".join(seen))
        seen.append(line)
        if command or line.lstrip(" $").startswith("curl "):
            command += line.strip().lstrip("$ ")
            if not command.endswith("\\"):
                return command
            command = command.removesuffix("\\")


def read(stream: IO[str] | None, lines: queue.Queue[str | None]) -> None:
    """Pass on every line of `stream`, then None; the server must never wait for a reader."""
    for line in stream or ():
        lines.put(line)
    lines.put(None)


def paste(command: str, folder: str) -> None:
    """Run the printed command as a shell would, anywhere but in the clone; its answer must be v2 JSON."""
    shown = subprocess.run(
        ["/bin/sh", "-c", command], cwd=folder, check=False, capture_output=True, text=True, timeout=60
    )
    try:
        answer = json.loads(shown.stdout)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or "error" in answer or "$diagnoses" in answer:
        sys.exit(f"{command}\nanswered {shown.stdout!r} {shown.stderr!r}, which is no v2 record or list")
    print(f"It answered with {', '.join(list(answer)[:6])}, ...")


def stop(server: subprocess.Popen[str]) -> None:
    """End the server as Ctrl-C in a terminal would: the signal goes to make and to all it started."""
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGINT)
    try:
        server.wait(ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        os.killpg(server.pid, signal.SIGKILL)
        sys.exit(f"make serve did not end within {ENDS_WITHIN:.0f} s of Ctrl-C")


if __name__ == "__main__":
    main()
