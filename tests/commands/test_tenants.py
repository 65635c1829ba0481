"""`sage-gateway tenants`: each command over both databases, as an operator runs it."""

from __future__ import annotations

import asyncio
import csv
import json
import logging
import os
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.cli import app
from gateway.commands.assemble import bootstrap
from gateway.commands.tenant_actions import Desk
from gateway.commands.tenant_erase import erase
from gateway.grants.life import State, Tokens, after_refresh
from gateway.grants.secret import Secret
from gateway.sandbox import Sandbox, serve_sandbox
from gateway.settings import load
from gateway.store import Named, Store

Run = Callable[..., Result]
KEY = "ab" * 32
LINK = re.compile(r"https://gateway\.example/connect/[A-Za-z0-9_-]{43}\n")
HEADER = "tenant,app,business,access_token,refresh_token,v31_refresh_token\n"


def settings(url: str, **more: str) -> dict[str, str]:
    """What the commands need to know."""
    known = {
        "STORE__DB": url,
        "STORE__KEY": KEY,
        "SERVER__PUBLIC_URLS": "https://gateway.example,https://other.example",
        "APPS__SHOP__CLIENT_ID": "abc",
        "APPS__OTHER__CLIENT_ID": "def",
    }
    return {f"SAGE_GATEWAY_{name}": value for name, value in (known | more).items()}


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, an environment without settings, and the log's handlers as they were."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("SAGE_GATEWAY_"):
            monkeypatch.delenv(name)
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)


@pytest.fixture
def run(bare: None, url: str) -> Run:
    """Runs `sage-gateway tenants` on a migrated store."""

    def invoke(*arguments: str, stdin: str | None = None, **more: str) -> Result:
        words = ("tenants", *arguments)
        return CliRunner().invoke(app, words, input=stdin, env={"COLUMNS": "200", **settings(url, **more)})

    assert CliRunner().invoke(app, ["store", "migrate", "--db", url]).exit_code == 0
    return invoke


def in_store(url: str, work: Callable[[Store], Awaitable[Any]]) -> Any:
    """Does something with the store, as a gateway would."""

    async def act() -> Any:
        store = await Store.open(url, bytes.fromhex(KEY))
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(act())


def consent(url: str, business: str, name: str | None = None) -> None:
    """An owner consents."""

    async def work(store: Store) -> None:
        tokens = Tokens(Secret("canary-access"), 300.0, Secret("canary-refresh"), user=f"u{business}")
        grant = await store.consents.record("shop", tokens, 0.0, 0.0)
        await store.consents.connect("shop", business, grant, 0.0, name)

    in_store(url, work)


def rows_of(run: Run, *words: str) -> dict[str, dict[str, Any]]:
    """What `list --json` tells, by tenant."""
    return {row["tenant"]: row for row in json.loads(run("list", "--json", *words).stdout)}


COMMANDS = ("add", "import", "export", "list", "show", "disconnect", "reconnect", "erase")


@pytest.mark.parametrize("words", [(), *((each,) for each in COMMANDS)])
def test_each_command_explains_itself(bare: None, words: tuple[str, ...]) -> None:
    """In sentences, with its options."""
    told = CliRunner().invoke(app, ["tenants", *words, "--help"])
    assert (told.exit_code, len(told.output) > 400) == (0, True)
    assert not words or ("--config" in told.output and "--db" in told.output)


def test_add_prints_a_link_and_nothing_else(run: Run) -> None:
    """It begins with the first public URL; the name waits, and a second link replaces the first."""
    told = run("add", "acme", "--app", "shop")
    assert (told.exit_code, bool(LINK.fullmatch(told.stdout))) == (0, True)
    row = rows_of(run)["acme"]
    assert (row["state"], row["business"], row["link_until"] is None) == ("waiting", None, False)
    assert "waiting for consent" in run("list").stdout
    assert "connect link: open until" in run("show", "acme").stdout
    again = run("add", "acme", "--app", "shop", "--business", "b1")
    assert again.stdout != told.stdout
    assert [row["business"] for row in rows_of(run).values()] == ["b1"]


def test_add_links_work(run: Run, url: str) -> None:
    """Of two links for one name only the newer; each knows what it is for."""
    old, new = [
        run("add", "acme", "--app", "shop", "--business", "b1").stdout.strip().rpartition("/")[2] for _ in range(2)
    ]

    async def look(store: Store) -> Any:
        return [await store.links.find(token, 0.0) for token in (old, new)]

    gone, found = in_store(url, look)
    assert gone is None
    assert (found.name, found.app, found.business) == ("acme", "shop", "b1")


@pytest.mark.parametrize(
    ("words", "more", "said"),
    [
        (("acme", "--app", "shop"), {"SERVER__PUBLIC_URLS": ""}, "server.public_urls is empty"),
        (("acme", "--app", "nobody"), {}, "The settings name no app nobody; there are: "),
        (("no name", "--app", "shop"), {}, "'no name' is no name"),
        (("acme", "--app", "shop", "--business", "b/1"), {}, "--business is no id of v3.1"),
        (("there", "--app", "shop"), {}, "There is a tenant there already"),
        (("new", "--app", "shop", "--business", "b1"), {}, "is there already, as there: reconnect"),
        (
            ("set", "--app", "shop"),
            {"TENANTS__SET__APP": "shop", "TENANTS__SET__BUSINESS": "b9"},
            "There is a tenant set already",
        ),
        (("out", "--app", "other"), {}, "waits for a consent to app shop"),
    ],
)
def test_add_refuses_in_a_sentence(run: Run, url: str, words: tuple[str, ...], more: dict[str, str], said: str) -> None:
    """What cannot be a new tenant; exit code 2, no link."""
    consent(url, "b1", "there")
    run("add", "out", "--app", "shop")
    told = run("add", *words, **more)
    assert (told.exit_code, told.stdout, said in told.stderr) == (2, "", True)


def test_a_missing_store_is_a_sentence(bare: None, tmp_path: Path) -> None:
    """Not set: 2. Not there: 1, and a look does not make it."""
    told = CliRunner().invoke(app, ["tenants", "list"])
    assert (told.exit_code, "store.db is not set" in told.stderr) == (2, True)
    environ = settings(f"sqlite:///{tmp_path}/store.db")
    for words in (("list",), ("show", "x"), ("export",), ("disconnect", "x"), ("erase", "x", "--yes")):
        told = CliRunner().invoke(app, ["tenants", *words], env=environ)
        assert (told.exit_code, f"There is no store at {tmp_path}/store.db" in told.stderr) == (1, True)
    assert not (tmp_path / "store.db").exists()
    assert CliRunner().invoke(app, ["tenants", "add", "x", "--app", "shop"], env=environ).exit_code == 0
    told = CliRunner().invoke(app, ["tenants", "list"], env=environ | {"SAGE_GATEWAY_STORE__KEY": "cd" * 32})
    assert (told.exit_code, "Traceback" in told.output + told.stderr) == (1, False)


@pytest.mark.parametrize("command", ["show", "disconnect", "reconnect", "erase"])
def test_nobody_is_a_sentence(run: Run, command: str) -> None:
    """Exit code 2."""
    told = run(command, "nobody", *(("--yes",) if command == "erase" else ()))
    assert (told.exit_code, told.stderr) == (2, "There is no tenant nobody: `sage-gateway tenants list` shows all.\n")


def test_import_then_export(run: Run, tmp_path: Path) -> None:
    """Tenants come from a file or standard input, again and again; what is exported holds no secret."""
    (tmp_path / "tenants.csv").write_text(
        f"{HEADER}a,shop,b1,canary-1,{'2' * 40},canary-3\nb,other,b1,{'4' * 40},{'5' * 40},\n"
    )
    told = run("import", "tenants.csv")
    assert (told.exit_code, told.stdout.splitlines()[0]) == (
        0,
        "2 tenants made, 0 were there; 4 legacy tokens added.",
    )
    assert "1 of them need their owner's consent" in told.stdout
    assert told.stderr.startswith("Line 2: its access_token is not 40 hexadecimal digits")
    again = run("import", "-", stdin=(tmp_path / "tenants.csv").read_text())
    assert again.stdout.startswith("0 tenants made, 2 were there; 0 legacy tokens added.\n")
    exported = run("export").stdout
    rows = list(csv.DictReader(exported.splitlines()))
    assert [(row["tenant"], row["app"], row["business"], row["state"]) for row in rows] == [
        ("a", "shop", "b1", "healthy"),
        ("b", "other", "b1", "needs consent"),
    ]
    lines = run("export", "--format", "jsonl").stdout
    assert [json.loads(line)["tenant"] for line in lines.splitlines()] == ["a", "b"]
    everything = "".join(
        result.output + result.stderr
        for result in (told, again, run("list"), run("list", "--json"), run("show", "a"), run("show", "a", "--json"))
    )
    for secret in ("canary", "2" * 40, "4" * 40):
        assert secret not in everything + exported + lines


def test_import_names_every_bad_line(run: Run, tmp_path: Path) -> None:
    """Of the form, the settings and the store alike; nothing is imported, or with --skip-bad all else."""
    consent_line = "ok,shop,b1,canary1,,\n"
    (tmp_path / "f.csv").write_text(
        HEADER
        + consent_line
        + "x y,shop,b2,canary2,,\n"
        + "c,nobody,b3,canary3,,\n"
        + "d,shop,b1,canary4,,\n"
        + "e,shop,b5,canary1,,\n"
        + "set,shop,b6,canary6,,\n"
        + "f,shop,b9,canary7,,\n"
        + "set,shop,b9,canary8,,canary9\n"
    )
    named = {"TENANTS__SET__APP": "shop", "TENANTS__SET__BUSINESS": "b9"}
    told = run("import", "f.csv", **named)
    assert (told.exit_code, told.stdout) == (1, "")
    said = told.stderr.splitlines()
    assert [line.partition(":")[0] for line in said[:-1]] == [f"Line {number}" for number in range(3, 10)]
    words = ["no name", "no app 'nobody'", "as ok", "another tenant's"]
    words += ["another app or business set", "this app and business set", "belongs there"]
    for line, word in zip(said, words, strict=False):
        assert word in line
    assert said[-1] == "Nothing was imported: mend 7 lines, or leave them out with --skip-bad."
    assert rows_of(run) == {}
    told = run("import", "f.csv", "--skip-bad", **named)
    assert (told.exit_code, told.stdout.splitlines()[0]) == (
        0,
        "1 tenants made, 0 were there; 1 legacy tokens added; 7 lines left out.",
    )
    assert list(rows_of(run)) == ["ok"]
    assert "canary" not in told.output + told.stderr


def test_a_file_that_cannot_be_read_is_a_sentence(run: Run, tmp_path: Path) -> None:
    """Missing: 2. No file of tenants: 1."""
    told = run("import", "missing.csv")
    assert (told.exit_code, told.stderr) == (2, "missing.csv cannot be read: No such file or directory.\n")
    (tmp_path / "f.csv").write_text("canary\n")
    told = run("import", "f.csv")
    assert (told.exit_code, "names no column tenant" in told.stderr, "canary" in told.stderr) == (1, True, False)


def test_a_file_that_would_hold_the_store_for_long_is_split(run: Run) -> None:
    """Running gateways wait for its one transaction."""
    lines = "".join(f"t{i},shop,b{i},{i},,\n" for i in range(25_001))
    told = run("import", "-", stdin=HEADER + lines)
    assert (told.exit_code, "The file has 25001 lines, and 25000 are imported at once" in told.stderr) == (1, True)
    assert rows_of(run) == {}


def test_list_shows_whose_consent_is_needed(run: Run, url: str) -> None:
    """Lapsed and revoked ones; not those that are disconnected, or wait for a first consent."""
    run("import", "-", stdin=f"{HEADER}a,shop,b1,t1,,\nb,shop,b2,t2,,\nc,shop,b3,t3,,s\n")
    run("add", "d", "--app", "shop")
    run("disconnect", "b")
    assert list(rows_of(run)) == ["a", "b", "c", "d"]
    needing = rows_of(run, "--needs-consent")
    assert [(name, row["state"]) for name, row in needing.items()] == [("a", "needs consent")]
    shown = run("list").stdout
    for word in ("needs consent", "disconnected", "healthy", "waiting for consent"):
        assert word in shown
    consent(url, "b1")
    assert run("list", "--needs-consent").stdout == "No tenant needs consent.\n"


def test_an_empty_list_is_a_sentence(run: Run) -> None:
    """And no table."""
    assert run("list").stdout == "There is no tenant.\n"
    assert run("list", "--json").stdout == "[]\n"


def test_show_tells_of_grant_tokens_and_link(run: Run) -> None:
    """In lines for people, and as JSON."""
    run("import", "-", stdin=f"{HEADER}a,shop,b1,t1,r1,s\na2,shop,b2,t2,,s\n")
    named = {"TENANTS__A__APP": "shop", "TENANTS__A__BUSINESS": "b1"}
    shown = run("show", "a", **named).stdout
    for line in (
        "  business: b1",
        "  state: healthy",
        "  grant refreshed: never",
        "  grant shared with: a2",
        "  legacy tokens: 1 access (imported), 1 refresh (imported)",
        "  connect link: none",
        "  named by the settings: yes",
    ):
        assert f"{line}\n" in shown
    told = json.loads(run("show", "a", "--json").stdout)
    assert (told["state"], told["grant_shared_with"], len(told["legacy_tokens"])) == ("healthy", ["a2"], 2)
    run("disconnect", "a")
    shown = run("show", "a").stdout
    assert "  state: disconnected since " in shown
    assert "  grant: healthy\n" in shown


def test_days_are_shown_where_a_grant_expires(run: Run, url: str) -> None:
    """A grant that could not be refreshed for weeks."""
    consent(url, "b1", "old")
    row = rows_of(run)["old"]
    assert (row["state"], row["days"]) == ("expires", 0)
    assert "expires in 0 days" in run("list").stdout


def test_a_disconnected_tenant_comes_back_by_consent(run: Run, url: str) -> None:
    """With its name, its tokens and its ids; the link is pinned to its business, and changes nothing by itself."""
    run("import", "-", stdin=f"{HEADER}acme,shop,b1,token,,s\n")

    async def look(store: Store) -> tuple[Any, Any]:
        return await store.tenants.by_token("token", 0.0), await store.ids.mint("b1", "contacts", ["x"])

    before = in_store(url, look)
    told = run("disconnect", "acme")
    assert (told.exit_code, "within 30 seconds" in told.stdout) == (0, True)
    assert in_store(url, look)[0] is None
    told = run("reconnect", "acme")
    assert (told.exit_code, bool(LINK.fullmatch(told.stdout))) == (0, True)
    token = told.stdout.strip().rpartition("/")[2]
    link = in_store(url, lambda store: store.links.find(token, 0.0))
    assert (link.name, link.app, link.business) == ("acme", "shop", "b1")
    assert (rows_of(run)["acme"]["state"], in_store(url, look)[0]) == ("disconnected", None)
    consent(url, "b1", "acme")
    after = in_store(url, look)
    assert (after[0].id, after[0].name, after[1]) == (before[0].id, "acme", before[1])


def test_reconnect_needs_an_app_and_a_url(run: Run) -> None:
    """Without them the link would lead nowhere; a name that is no tenant yet is added again instead."""
    run("import", "-", stdin=f"{HEADER}acme,shop,b1,token,,s\n")
    told = run("reconnect", "acme", SERVER__PUBLIC_URLS="")
    assert (told.exit_code, "server.public_urls is empty" in told.stderr) == (2, True)
    run("add", "new", "--app", "shop")
    assert run("reconnect", "new").exit_code == 2


def test_a_tenant_of_the_settings_is_reconnected_once_a_gateway_was_started(run: Run, url: str) -> None:
    """Also one without a seed: it waits for its owner like any other, and no other command makes it."""
    more = {"TENANTS__ACME__APP": "shop", "TENANTS__ACME__BUSINESS": "b1", "TENANTS__ACME__ACCESS_TOKEN": "x"}
    early = run("reconnect", "acme", **more)
    assert (early.exit_code, "no gateway was started with them yet: start it first" in early.stderr) == (2, True)
    in_store(url, lambda store: bootstrap(load(None, settings(url, **more)), store, 60.0))
    assert rows_of(run)["acme"]["state"] == "needs consent"
    told = run("reconnect", "acme", **more)
    assert LINK.fullmatch(told.stdout)
    assert "The grant of acme: needs consent since 1970-01-01T00:01:00Z." in told.stderr


def test_disconnect_tells_how_the_grant_stands(run: Run, url: str) -> None:
    """Whether there is anything to come back to."""
    consent(url, "b1", "acme")
    assert "The grant of acme: expires in 0 days." in run("disconnect", "acme").stderr


def test_a_name_that_waits_can_be_taken_back(run: Run) -> None:
    """Its link is worthless then."""
    for words in (("disconnect", "new"), ("erase", "new", "--yes")):
        run("add", "new", "--app", "shop")
        told = run(*words)
        assert (told.exit_code, told.stdout) == (0, "new was no tenant yet; its link is worthless now.\n")
        assert rows_of(run) == {}


def test_erase_must_be_meant(run: Run) -> None:
    """It cannot be undone, and the settings must not bring the tenant back."""
    run("import", "-", stdin=f"{HEADER}acme,shop,b1,token,,s\n")
    told = run("erase", "acme")
    assert (told.exit_code, "say --yes" in told.stderr) == (2, True)
    for name, said in (("ACME", "The settings name the tenant acme"), ("X", "name its app and business x")):
        named = {f"TENANTS__{name}__APP": "shop", f"TENANTS__{name}__BUSINESS": "b1"}
        told = run("erase", "acme", "--yes", "--at-once", **named)
        assert (told.exit_code, said in told.stderr) == (2, True)
    assert rows_of(run)["acme"]["state"] == "healthy"


def test_erase_without_network_says_so(run: Run) -> None:
    """And is done nevertheless."""
    run("import", "-", stdin=f"{HEADER}acme,shop,b1,token,r,s\nb,other,b1,t2,,s2\n")
    told = run("erase", "acme", "--yes", "--at-once", UPSTREAM__REVOKE="http://127.0.0.1:1/revoke")
    assert told.exit_code == 0
    assert told.stdout.splitlines()[0] == (
        "acme is erased, with 2 legacy tokens. Another tenant has its business, so the ids and kept fields stay."
    )
    assert "Sage could not be told" in told.stdout
    assert list(rows_of(run)) == ["b"]
    told = run("erase", "b", "--yes", "--at-once", UPSTREAM__REVOKE="http://127.0.0.1:1/revoke")
    assert "0 ids and 0 kept fields of its business.\n" in told.stdout


@pytest.mark.parametrize("copied", [False, True])
async def test_erase_ends_the_consent_at_sage(
    bare: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], copied: bool
) -> None:
    """By its refresh token; but not that of a copied store, which the original lives by. A tenant that was
    disconnected long ago is erased without waiting."""
    stand_in = Sandbox()
    runner, base = await serve_sandbox(stand_in)
    url, seed = f"sqlite:///{tmp_path}/store.db", stand_in.issue_refresh_token()
    known = settings(
        url,
        UPSTREAM__REVOKE=f"{base}/revoke",
        UPSTREAM__TOKEN=f"{base}/token",
        APPS__SHOP__V31_CLIENT_ID=stand_in.client_id,
        APPS__SHOP__V31_CLIENT_SECRET=stand_in.client_secret,
    )
    desk = Desk(load(None, known), await Store.open(url, bytes.fromhex(KEY)), now=1_700_000_000.0)
    try:
        await desk.store.tenants.settle([Named("acme", "shop", "b1", Secret(seed))], desk.now)
        marker = desk.settings.store.marker_path
        assert marker is not None
        await desk.store.identity.claim(marker)
        if copied:
            marker.unlink()
        await desk.store.rows.disconnect("acme", desk.now - 31.0)
        await erase(desk, "acme", at_once=False)
        told = capsys.readouterr()
        assert ("has been ended" in told.out, "Sage could not be told" in told.out) == (not copied, copied)
        assert ("taken for a copy" in told.err) is copied
        family = next(kept.family for token, kept in stand_in.oauth.tokens.refreshes.items() if token == seed)
        assert family.revoked is not copied
        assert await desk.store.tenants.all() == []
    finally:
        await desk.store.close()
        await runner.cleanup()


async def test_erase_waits_until_every_gateway_has_forgotten(bare: None, tmp_path: Path) -> None:
    """A tenant that was served a moment ago is disconnected for 30 seconds first, so that nobody writes for it what
    would stay; one that was disconnected before waits for the rest."""
    url, waits = f"sqlite:///{tmp_path}/store.db", []
    store = await Store.open(url, bytes.fromhex(KEY))

    async def wait(seconds: float) -> None:
        (row,) = await store.rows.all(1000.0)
        waits.append((row.tenant.name, row.disconnected_at, seconds))

    desk = Desk(load(None, settings(url, UPSTREAM__REVOKE="http://127.0.0.1:1/")), store, now=1000.0, wait=wait)
    for name, since in (("a", None), ("b", 990.0)):
        await store.tenants.settle([Named(name, "shop", name, Secret(name))], 0.0)
        if since is not None:
            await store.rows.disconnect(name, since)
        await erase(desk, name, at_once=False)
    assert waits == [("a", 1000.0, 30.0), ("b", 990.0, 20.0)]
    assert await store.rows.all(1000.0) == []
    await store.close()


async def test_the_sidecars_seed_is_used_once(bare: None, tmp_path: Path) -> None:
    """One tenant of the settings, no command: at each start the store's own grant counts, which descends from the
    seed; only a seed never seen before is planted."""

    async def start(seed: str) -> tuple[Store, Any]:
        tenant = {"APP": "shop", "BUSINESS": "b1", "ACCESS_TOKEN": "x", "V31_REFRESH_TOKEN": seed}
        more = {f"TENANTS__ACME__{name}": value for name, value in tenant.items()}
        store = await Store.open(f"sqlite:///{tmp_path}/store.db", bytes.fromhex(KEY))
        made = await bootstrap(load(None, settings(f"sqlite:///{tmp_path}/store.db", **more)), store, 0.0)
        return store, await store.grants.load(made["acme"].grant)

    seen = []
    for seed in ("seed", "seed", "new", "seed", "new"):
        store, grant = await start(seed)
        seen.append(grant.refresh.reveal())
        tokens = Tokens(Secret("a"), 300.0, Secret(f"child of {grant.refresh.reveal()}"))
        assert await store.grants.save_refreshed(after_refresh(grant, tokens, 0.0), f"attempt {len(seen)}", 0.0)
        await store.close()
    assert seen == ["seed", "child of seed", "new", "child of new", "child of child of new"]
    assert grant.state is State.ACTIVE
