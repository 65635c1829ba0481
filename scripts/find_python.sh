#!/bin/sh
# Prints the first Python that can run the gateway: 3.11 or newer, able to make a virtual environment.
# $PYTHON, where set, is the only candidate.
set -eu

fits='import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))'

if [ -n "${PYTHON:-}" ]; then
    set -- "$PYTHON"
else
    set -- python3 python3.11 python3.12 python3.13 python3.14 python
fi
for candidate; do
    if "$candidate" -c "$fits" >/dev/null 2>&1; then
        printf '%s\n' "$candidate"
        exit 0
    fi
done

cat >&2 <<MESSAGE
No Python 3.11 or newer that can make a virtual environment was found (looked for: $*).
Install one (Debian and Ubuntu: apt-get install python3 python3-venv; macOS: brew install python),
or name one: make PYTHON=/path/to/python3.11 install
MESSAGE
exit 1
