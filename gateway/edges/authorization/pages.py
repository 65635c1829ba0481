"""The few pages that a person sees. They work without scripts and load nothing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape

from gateway.grants.business import Business
from gateway.messages import Pairs, V2Response

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{margin:0;font:1.125rem/1.5 system-ui,sans-serif;background:#fff;color:#1a1a1a}"
    "main{max-width:36rem;margin:0 auto;padding:2rem 1.25rem;overflow-wrap:anywhere}"
    "h1{font-size:1.5rem;line-height:1.25}fieldset{border:1px solid #767676;border-radius:.25rem;margin:0 0 1.5rem}"
    "legend{font-weight:600;padding:0 .25rem}label{display:block;padding:.5rem .25rem .5rem 2rem;text-indent:-1.5rem}"
    "input{width:1.1rem;height:1.1rem;margin:0 .4rem 0 0;vertical-align:-.1rem}"
    "button{font:inherit;min-height:2.75rem;padding:.5rem 1.25rem;margin:0 .75rem .75rem 0;border:2px solid #00612a;"
    "border-radius:.25rem;background:#00612a;color:#fff}button[name=cancel]{background:none;color:inherit}"
    "[role=alert]{border-left:.3rem solid #c00;padding-left:.75rem}"
    ":focus-visible{outline:3px solid #0b57d0;outline-offset:2px}"
    "@media(prefers-color-scheme:dark){body{background:#121212;color:#f1f1f1}fieldset{border-color:#9a9a9a}"
    "button{background:#7fdc9f;border-color:#7fdc9f;color:#0b0b0b}[role=alert]{border-color:#ff8080}"
    ":focus-visible{outline-color:#a8c7fa}}"
)
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()

QUIET: Pairs = (("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"))
"""For every reply to a browser: addresses here hold codes and links."""


def redirect(location: str, status: int = 302, cookie: Pairs = ()) -> V2Response:
    """Sends the browser elsewhere; 303 after a form."""
    headers = (("Location", location), ("Content-Type", "text/html; charset=utf-8"), *QUIET, *cookie)
    return V2Response(status, b"", headers)


def notice(status: int, title: str, *sentences: str) -> V2Response:
    """A page that says something, and no more."""
    return _page(status, title, "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences))


def lost() -> V2Response:
    """One page for every state that cannot be gone on with: it does not tell them apart."""
    return notice(
        400,
        "This page cannot be used",
        "It was opened in another browser, was used already, or is older than ten minutes.",
        "Go back to the application that you came from, and start again.",
    )


def unanswerable() -> V2Response:
    """For a client or redirect URI that is not registered here."""
    return notice(
        400,
        "This application is not known here",
        "Its client id, or the address that it wants you to be sent back to, is not registered with this gateway.",
        "Whoever runs the gateway can register them.",
    )


def unavailable() -> V2Response:
    """For a failure of ours."""
    return notice(503, "Please try again", "Something did not work just now. Try again in a moment.")


def no_link() -> V2Response:
    """For a connect link that is unknown, used or over."""
    return notice(
        404,
        "This link cannot be used",
        "A link works once, and for one day. Ask whoever sent it to you for a new one.",
    )


def not_reached() -> V2Response:
    """For a consent that does not reach the business that a link is for."""
    return notice(
        403,
        "Not connected: another business is needed",
        "The Sage user that you signed in with does not reach the business that this link is for. Nothing was changed.",
        "Sign out at Sage, open the link again, and sign in as a user of that business.",
    )


def not_connected(*, denied: bool) -> V2Response:
    """For a link whose way to Sage gave nothing."""
    said = "Sage says that access was not given." if denied else "Sage did not give access just now."
    return notice(403 if denied else 503, "Not connected", said, "Nothing was changed. You can open the link again.")


def disconnected() -> V2Response:
    """For a link to a business that the operator has disconnected, under another name."""
    return notice(
        403,
        "Not connected",
        "Whoever runs the gateway has disconnected this business, and can send you a link that is made for it.",
        "Nothing was changed. You can open this link again for another business.",
    )


def too_many(seconds: int) -> V2Response:
    """For an address from which too many have begun to sign in."""
    page = notice(429, "Please try again later", "Too many sign-ins began at your address just now.")
    return V2Response(page.status, page.body, (*page.headers, ("Retry-After", str(seconds))))


def connected(app: str, tenant: str, business: str) -> V2Response:
    """For a link whose tenant is live."""
    return _page(
        200,
        "Connected",
        f"<p>The application {_named(app)} is now connected with "
        f"{_named(business)}, under the name {_named(tenant)}. You can close this page.</p>",
    )


def wrong_method(allowed: str) -> V2Response:
    """For a verb that an address does not have."""
    page = notice(405, "Method not allowed", f"This address takes {allowed}.")
    return V2Response(page.status, page.body, (*page.headers, ("Allow", allowed)))


def confirm(app: str, tenant: str, leads_to: str) -> V2Response:
    """A connect link's page: nothing happens before its button is pressed, so that previews of links spend nothing."""
    return _page(
        200,
        "Connect to Sage",
        f"<p>The application {_named(app)} is to be connected with your books, under the name "
        f"{_named(tenant)}.</p>"
        "<p>You will sign in at Sage, and Sage will ask whether you agree.</p>"
        '<form method="post"><button type="submit">Continue to Sage</button></form>',
        form_action=_schemes(leads_to),
    )


def choose(
    app: str,
    businesses: Iterable[Business],
    state: str,
    action: str,
    leads_to: str,
    *,
    wrong: bool = False,
    cookie: Pairs = (),
) -> V2Response:
    """The choice of a business; `leads_to` is where the browser goes then, "" for nowhere."""
    rows = "".join(
        f'<label><input type="radio" name="business" value="{escape(one.id)}" required><bdi>{escape(one.name)}</bdi>'
        f"{f' ({escape(one.country.upper())})' if one.country else ''}</label>"
        for one in businesses
    )
    alert = '<p role="alert" id="wrong">Choose one of the businesses.</p>' if wrong else ""
    described = ' aria-describedby="wrong"' if wrong else ""
    return _page(
        400 if wrong else 200,
        "Choose a business",
        "<p>You can reach several businesses at Sage. The application "
        f"{_named(app)} works with one of them.</p>"
        f'{alert}<form method="post" action="{escape(action)}">'
        f'<input type="hidden" name="state" value="{escape(state)}">'
        f"<fieldset{described}><legend>Which business?</legend>{rows}</fieldset>"
        '<button type="submit">Continue</button>'
        '<button type="submit" name="cancel" value="1" formnovalidate>Cancel</button></form>',
        form_action=_schemes(leads_to),
        cookie=cookie,
    )


def _named(name: str) -> str:
    return f"<b><bdi>{escape(name)}</bdi></b>"


def _schemes(leads_to: str) -> str:
    """Where a form may lead. Browsers judge every redirect that follows by it, and an app's page or Sage's may send
    on to other hosts; so schemes are allowed, not hosts."""
    scheme = leads_to.partition(":")[0].lower()
    return "'self'" + (" https:" if leads_to else "") + (f" {scheme}:" if scheme not in ("", "https") else "")


def _page(status: int, title: str, main: str, *, form_action: str = "'none'", cookie: Pairs = ()) -> V2Response:
    text = (
        '<!DOCTYPE html><html lang="en-GB"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{main}</main></body></html>\n"
    )
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {form_action}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    headers = (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", policy),
        ("X-Frame-Options", "DENY"),
        ("X-Content-Type-Options", "nosniff"),
        *QUIET,
        *cookie,
    )
    # Half a surrogate pair, which no UTF-8 has, may not make a page fail.
    return V2Response(status, text.encode("utf-8", "replace"), headers)
