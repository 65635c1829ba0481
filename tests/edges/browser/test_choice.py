"""The choice of a business: a page for everybody, and a form that only its own browser can send."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from hashlib import sha256

import pytest

from tests.edges.browser.breaking import change
from tests.edges.browser.browser_house import APP, House, Seen, Visitor, code_of, house, unknown

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&amp;"


async def to_the_choice(house: House, **changed: str | None) -> tuple[Visitor, Seen]:
    """A browser that stands before the page, and the page."""
    visitor = await house.visitor()
    page = await visitor.authorise(**changed)
    assert page.status == 200, page
    return visitor, page


async def test_a_user_of_several_businesses_chooses(house: House):
    """The code is for the chosen one; a form is answered with 303."""
    house.let_owner_reach("Harbour Ltd", "Second Business Ltd", "Elsewhere Ltd")
    visitor, page = await to_the_choice(house)
    wanted = house.business("Second Business Ltd")
    assert page.form.choices == [one.id for one in house.sandbox.businesses.values()]
    assert [label.strip() for label in page.form.labels] == [
        "Harbour Ltd (GB)",
        "Second Business Ltd (GB)",
        "Elsewhere Ltd (GB)",
    ]
    assert await house.store.tenants.all() == []
    seen = await visitor.choose(page, business=wanted)
    assert seen.status == 303
    assert seen.location == f"{APP}?code={code_of(seen)}&country=gb&state=mine"
    (tenant,) = await house.store.tenants.all()
    assert (tenant.business, tenant.name) == (wanted, "shop")


async def test_the_page_works_for_everybody(house: House):
    """A language, a title, one heading, a labelled group of labelled radio buttons, buttons; no script."""
    _, page = await to_the_choice(house)
    form = page.form
    assert page.text.startswith("<!DOCTYPE html>")
    assert form.all("html", lang="en-GB")
    assert form.all("meta", name="viewport")
    assert len(form.all("title")) == len(form.all("h1")) == len(form.all("main")) == len(form.all("legend")) == 1
    assert len(form.all("label")) == len(form.all("input", type="radio")) == 2
    assert all("required" in one for one in form.all("input", type="radio"))
    assert [one.get("name") for one in form.all("button", type="submit")] == [None, "cancel"]
    assert not form.all("script")
    assert not [
        attrs for _, attrs in form.tags if any(name.startswith(("on", "style", "src", "href")) for name in attrs)
    ]


async def test_the_pages_headers_let_nothing_in_or_out(house: House):
    """No resource, no frame, no referrer, no copy; only its own style, by hash."""
    _, page = await to_the_choice(house)
    headers = page.headers
    style = re.search("<style>(.*)</style>", page.text)
    assert style is not None
    hashed = b64encode(sha256(style[1].encode()).digest()).decode()
    assert headers["Content-Security-Policy"] == (
        f"default-src 'none'; style-src 'sha256-{hashed}'; form-action 'self' https:; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "url(" not in style[1]
    assert "@import" not in style[1]


async def test_colours_have_enough_contrast_in_light_and_dark(house: House):
    """7:1 for text on the page and on buttons (WCAG AAA asks no more)."""
    _, page = await to_the_choice(house)
    light, _, dark = page.text.partition("@media(prefers-color-scheme:dark)")
    assert ":root{color-scheme:light dark}" in light
    for style in (light, dark):
        for pair in (
            r"body{[^}]*background:(#\w+);color:(#\w+)",
            r"button{[^}]*background:(#\w+)[^}]*[;{]color:(#\w+)",
        ):
            found = re.search(pair, style)
            assert found is not None, pair
            assert contrast(found[1], found[2]) >= 7


async def test_an_address_of_a_scheme_of_its_own_may_be_led_to(house: House):
    """Chrome judges the redirect after a form by `form-action`, and every further one."""
    _, page = await to_the_choice(house, redirect_uri="shop://signed-in")
    assert "form-action 'self' https: shop:;" in page.headers["Content-Security-Policy"]


async def test_names_and_states_are_text(house: House):
    """Whatever a business is called, nothing of it becomes markup; an app's state is not on the page at all."""
    harbour = house.sandbox.business("Harbour Ltd")
    harbour.fields["name"] = harbour.fields["displayed_as"] = EVIL
    visitor, page = await to_the_choice(house, state=EVIL)
    assert "<script" not in page.text
    assert "<img" not in page.text
    assert page.form.labels[0].strip() == f"{EVIL} (GB)"
    seen = await visitor.choose(page, business=harbour.id)
    assert seen.told["state"] == EVIL


async def test_what_is_no_business_is_not_listed(house: House):
    """A name may be missing, an id may not."""
    house.sandbox.faults.add(
        "GET",
        "/businesses",
        status=200,
        body={"$items": [{"id": "a1", "displayed_as": "A"}, {"id": "b2"}, {"id": "../x"}, {}, 7], "$next": None},
    )
    _, page = await to_the_choice(house)
    assert page.form.choices == ["a1", "b2"]
    assert [label.strip() for label in page.form.labels] == ["A", "b2"]


@pytest.mark.parametrize("business", [{}, {"business": ""}, {"business": "another"}, {"business": EVIL}])
async def test_without_a_choice_the_page_comes_again(house: House, business):
    """It says what is missing, and can then be used."""
    visitor, page = await to_the_choice(house)
    again = await visitor.choose(page, **business)
    assert again.status == 400
    assert again.form.all("p", role="alert", id="wrong")
    assert again.form.all("fieldset")[0]["aria-describedby"] == "wrong"
    assert "<script" not in again.text
    code_of(await visitor.choose(again, business=again.form.choices[0]))


async def test_a_business_that_the_user_does_not_reach_cannot_be_chosen(house: House):
    """Only what Sage listed."""
    visitor, page = await to_the_choice(house)
    assert (await visitor.choose(page, business=house.business("Elsewhere Ltd"))).status == 400
    assert await house.store.tenants.all() == []


async def test_cancelling_is_a_denial(house: House):
    """The app is told so."""
    visitor, page = await to_the_choice(house)
    seen = await visitor.choose(page, cancel="1", business=page.form.choices[0])
    assert (seen.status, seen.location) == (303, f"{APP}?error=access_denied&state=mine")
    assert await house.store.tenants.all() == []


async def test_a_choice_counts_once(house: House):
    """Two presses of the button at once, on two replicas: one code."""
    visitor, page = await to_the_choice(house)

    async def press(turn: int) -> int:
        house.turn = turn % 2
        return (await visitor.choose(page, business=page.form.choices[turn % 2])).status

    assert sorted(await asyncio.gather(*map(press, range(4)))) == [303, 400, 400, 400]
    assert len(await house.store.tenants.all()) == 1


async def test_another_browser_cannot_choose(house: House):
    """Nor with a state that nobody made, nor before the choice was offered; the own one still can."""
    visitor, page = await to_the_choice(house)
    stranger = await house.visitor()
    begun = await stranger.begin()
    fields = {**page.form.hidden, "business": page.form.choices[0]}
    assert (await stranger.post("/oauth2/choose", fields)).status == 400
    assert (await stranger.post("/oauth2/choose", {"state": begun.told["state"], "business": "x"})).status == 400
    assert (await visitor.post("/oauth2/choose", {"state": unknown(), "business": "x"})).status == 400
    assert (await visitor.post("/oauth2/choose", {})).status == 400
    code_of(await visitor.choose(page, business=page.form.choices[0]))


async def test_a_choice_may_take_ten_minutes(house: House):
    """From when it was offered; the cookie lasts as long."""
    visitor = await house.visitor()
    back = await visitor.consent(await visitor.begin())
    house.clock.seconds += 599
    page = await visitor.get(back)
    assert "Max-Age=600" in page.headers["Set-Cookie"]
    house.clock.seconds += 599
    code_of(await visitor.choose(page, business=page.form.choices[0]))
    page = await visitor.authorise()
    house.clock.seconds += 600
    assert (await visitor.choose(page, business=page.form.choices[0])).status == 400


async def test_a_choice_may_be_made_at_another_replica(house: House):
    """What there is to choose from is in the store, sealed."""
    visitor, page = await to_the_choice(house)
    house.turn = 1
    code_of(await visitor.choose(page, business=page.form.choices[1]))


async def test_a_store_that_fails_lets_one_press_again(house: House):
    """Nothing is used up by a transaction that was undone."""
    visitor, page = await to_the_choice(house)
    await change(house, "CREATE TRIGGER full BEFORE INSERT ON tenants BEGIN SELECT RAISE(ABORT, 'full'); END")
    assert (await visitor.choose(page, business=page.form.choices[0])).status == 503
    await change(house, "DROP TRIGGER full")
    code_of(await visitor.choose(page, business=page.form.choices[0]))


async def test_behind_a_path_the_form_goes_there_too(tmp_path):
    """The public URL's."""
    async with house(tmp_path, prefix="/v2gate") as built:
        visitor = await built.visitor()
        begun = await visitor.get(f"/v2gate/oauth2/auth?response_type=code&client_id=shop-client&redirect_uri={APP}")
        page = await visitor.get(await visitor.consent(begun))
        (form,) = page.form.all("form")
        assert form["action"] == "/v2gate/oauth2/choose"
        fields = {**page.form.hidden, "business": page.form.choices[0]}
        code_of(await visitor.post(str(form["action"]), fields))


async def test_pages_of_businesses_are_followed(house: House):
    """Within v3.1 alone; a business listed twice is one."""
    listed = [{"id": f"b{number}", "displayed_as": f"Business {number}"} for number in range(4)]
    pages = [
        {"$items": listed[:2], "$next": "/businesses?page=2"},
        {"$items": listed[1:], "$next": "//evil.example/businesses?page=3"},
    ]
    for body in pages:
        house.sandbox.faults.add("GET", "/businesses", status=200, body=body)
    _, page = await to_the_choice(house)
    assert page.form.choices == ["b0", "b1", "b2", "b3"]


async def test_a_list_without_an_end_is_no_list(house: House):
    """A hundred pages are enough."""
    endless = {"$items": [], "$next": "/businesses?page=2"}
    house.sandbox.faults.add("GET", "/businesses", status=200, body=endless, times=101)
    assert (await (await house.visitor()).authorise()).told["error"] == "temporarily_unavailable"


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours."""
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """WCAG's relative luminance."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = (int(digits[start : start + 2], 16) / 255 for start in (0, 2, 4))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
