"""The apps that the recorded clients are."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.commands.stand_in import NAME
from gateway.edges.trial import SECRET, TOKEN
from tests.captures.recorded import Capture

PLAIN = "297850d556MadeUpSigningSecret0000e722db1d2a"
ODD = "Sg/1+x=.~*'()!%41-_"
ODD_PHP = "Sg/1+x=.~*()!%41-_"

LEAD, SECOND = "Harbour Ltd", "Second Business Ltd"


@dataclass(frozen=True)
class Client:
    """An app of the settings with its one tenant. `token` is the recorded one where no other app has it."""

    name: str
    secret: str
    token: str
    business: str = LEAD
    country: str = "gb"
    signature: str = "enforce"


CLIENTS = {
    client.name: client
    for client in (
        Client("gb_plain", PLAIN, "cULSIjMadeUpToken0000000000000000000001"),
        Client("gb_odd", ODD, "to/k+e=n.~1*'()!-_"),
        Client("gb_php", ODD_PHP, "to/k+e=n.~1*()!-_"),
        Client("gb_wrong", PLAIN, "of-clients-that-sign-other-text-than-they-send", signature="report"),
        Client("gb_unsigned", PLAIN, "of-clients-that-sign-nothing", signature="off"),
        Client("pt_plain", PLAIN, "cULSIjMadeUpToken00000000000000000000PT", SECOND, "pt"),
        Client("pt_odd", ODD, "to/k+e=n.~1*'()!-_PT", SECOND, "pt"),
        Client(NAME, SECRET, TOKEN),
    )
}


def client_of(capture: Capture) -> Client:
    """The app that a capture's client is."""
    if capture.trial:
        return CLIENTS[NAME]
    if capture.verifies == "never":
        return CLIENTS["gb_wrong"]
    if capture.verifies == "unsigned":
        return CLIENTS["gb_unsigned"]
    kind = {PLAIN: "plain", ODD: "odd", ODD_PHP: "php", SECRET: "test"}[capture.secret]
    return CLIENTS[NAME] if kind == "test" else CLIENTS[f"{'pt' if capture.portuguese else 'gb'}_{kind}"]
