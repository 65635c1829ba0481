#!/bin/sh
# Builds the wheel from the sources in the current folder and installs it with the locked dependencies
# into a virtual environment of its own:  sh deploy/install.sh PREFIX
# The Dockerfile runs this, and CI runs the Dockerfile's steps (scripts/docker_steps.py).
# $PYTHON names the interpreter; python3 where unset.
set -eu

prefix=$1
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

"$python" -m venv "$work/build"
"$work/build/bin/python" -m pip install -qq --require-hashes -r requirements-build.lock
"$work/build/bin/python" -m hatchling build -t wheel -d "$work/dist"

"$python" -m venv "$prefix"
"$prefix/bin/python" -m pip install -qq --require-hashes -r requirements.lock
"$prefix/bin/python" -m pip install -qq --no-index --no-deps "$work"/dist/*.whl
"$prefix/bin/python" -m pip check
# What installs packages has no business in an image that serves.
"$prefix/bin/python" -m pip uninstall -qq --yes setuptools pip
