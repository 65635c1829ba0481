"""The page on which a user of the stand-in allows or denies access: plain HTML, works without JavaScript."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

PATH = "/oauth2/consent"
"""Where the page's form is posted to."""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Allow access?</title>
<style>
body {{ font: 1.125rem/1.5 system-ui, sans-serif; max-width: 36rem; margin: 2rem auto; padding: 0 1rem }}
fieldset {{ margin: 1rem 0; padding: 0.5rem 1rem }}
label {{ display: block; padding: 0.25rem 0 }}
button {{ font: inherit; padding: 0.5rem 1.5rem; margin-right: 1rem }}
</style>
</head>
<body>
<main>
<h1>Allow access?</h1>
<p><strong>{client}</strong> asks for {scope} to the books of a user of this stand-in for Sage.
Nothing here is real.</p>
<form method="post" action="{path}">
<input type="hidden" name="request" value="{request}">
<fieldset>
<legend>Who is signed in</legend>
{people}
</fieldset>
<button type="submit" name="decision" value="allow">Allow</button>
<button type="submit" name="decision" value="deny">Deny</button>
</form>
</main>
</body>
</html>
"""
_PERSON = '<label><input type="radio" name="user" value="{name}"{checked}> {shown}, who reaches {businesses}</label>'
_SCOPES = {"full_access": "full access", "readonly": "access to read"}


@dataclass(frozen=True, slots=True)
class Person:
    """A user: the name in the stand-in, the name shown, and those of the businesses."""

    name: str
    shown: str
    businesses: tuple[str, ...]


def consent_page(client: str, scope: str, people: Sequence[Person], signed_in: str, request: str) -> bytes:
    """The page that asks; `request` comes back with the answer, `signed_in` is chosen beforehand."""
    rows = (
        _PERSON.format(
            name=escape(person.name),
            shown=escape(person.shown),
            businesses=escape(" and ".join(person.businesses)),
            checked=" checked" if person.name == signed_in else "",
        )
        for person in people
    )
    return _PAGE.format(
        client=escape(client),
        scope=_SCOPES.get(scope, escape(scope)),
        path=PATH,
        request=escape(request),
        people="\n".join(rows),
    ).encode()
