"""`python -m gateway` is `sage-gateway`."""

from __future__ import annotations

from gateway.cli import main

main()
