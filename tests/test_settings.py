"""Settings come from one TOML file and the environment; sentences that name the key say what is wrong."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.settings import Settings, SettingsWrong, load

CONFIG = Path(__file__).parent.parent / "config"
KEY = "0f" * 32
SECRET = "hunter2-canary"


def told(path: Path | None, environ: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(SettingsWrong) as wrong:
        load(path, environ)
    return wrong.value.sentences


def toml(folder: Path, text: str) -> Path:
    path = folder / "gateway.toml"
    path.write_text(text)
    return path


def test_defaults() -> None:
    """Without a file and a variable all has a default but the upstream, the store and its key."""
    settings = load(None, {})
    assert (settings.server.host, settings.server.port, settings.server.admin) == (
        "127.0.0.1",
        8080,
        "127.0.0.1:9080",
    )
    assert settings.upstream.token == "https://oauth.accounting.sage.com/token"
    assert settings.upstream.authorize == "https://www.sageone.com/oauth2/auth/central?filter=apiv3.1"
    assert settings.upstream.api is None
    assert settings.limits.upstream_in_flight == 150
    assert [sentence.split()[0] for sentence in settings.lacks()] == ["upstream.api", "store.db", "store.key"]


def test_a_whole_gateway_lacks_nothing() -> None:
    """With an upstream, a store and a key nothing lacks."""
    settings = load(CONFIG / "example-production.toml", {
        "SAGE_GATEWAY_STORE__DB": "postgresql://u:p@db/gateway", "SAGE_GATEWAY_STORE__KEY": KEY,
    })  # fmt: skip
    assert settings.lacks() == ()
    assert settings.store.keys == (bytes.fromhex(KEY),)


def test_shipped_file_sets_nothing() -> None:
    """config/gateway.toml as shipped is the defaults."""
    assert load(CONFIG / "gateway.toml", {}).model_dump() == load(None, {}).model_dump()


def test_every_key_in_the_shipped_file_exists(tmp_path: Path) -> None:
    """Every commented setting of config/gateway.toml is one that the gateway knows, with a valid example."""
    lines = []
    for line in (CONFIG / "gateway.toml").read_text().splitlines():
        bare = line.removeprefix("# ")
        if bare.startswith("[") or (" = " in bare and bare.split(" = ")[0].isidentifier()):
            lines.append(bare)
    command = [line for line in lines if line.startswith("key_command = ")]  # instead of the key, not beside it
    text = "\n".join(line for line in lines if line not in command)
    assert load(toml(tmp_path, "[store]\n" + "".join(command)), {}).store.has_key
    for name in (
        "store.key",
        "store.key.old",
        "acme.secret",
        "acme.signing",
        "acme.v31",
        "acme.v31.old",
        "acme_london.access",
        "acme_london.refresh",
        "acme_london.v31",
    ):
        (tmp_path / name).write_text(KEY)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "webhook.url").write_text("https://alarms.example.com/hook")
    settings = load(toml(tmp_path, text), {})
    assert settings.apps["acme"].cash_customer == "53117843"
    assert settings.tenants["acme_london"].app == "acme"
    assert settings.lacks() == ()
    said = {
        section: set(getattr(settings, section).model_fields_set)
        for section in ("server", "store", "upstream", "tokens", "alarms", "limits")
    }
    said["store"].add("key_command")
    assert said == {section: set(type(getattr(settings, section)).model_fields) for section in said}


def test_single_example(tmp_path: Path) -> None:
    """Files named by *_file are found beside the TOML file and read without the line's end."""
    text = (CONFIG / "example-single.toml").read_text()
    for name in ("signing", "v31"):
        (tmp_path / f"ledgerline.{name}").write_text(f"{name}-secret\n")
    for name in ("access", "refresh", "v31"):
        (tmp_path / f"ledgerline_dublin.{name}").write_text(f"{name}-token\n")
    (tmp_path / "store.key").write_text(KEY + "\n")
    (tmp_path / "store.key").chmod(0o600)
    settings = load(toml(tmp_path, text), {})
    secret = settings.apps["ledgerline"].signing_secret
    token = settings.tenants["ledgerline_dublin"].access_token
    assert secret is not None
    assert secret.get_secret_value() == "signing-secret"
    assert token is not None
    assert token.get_secret_value() == "access-token"


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("sqlite:///gateway.db", "sqlite:///{folder}/gateway.db"),
        ("sqlite:///../x/a.db?mode=ro", "sqlite:///{folder}/../x/a.db?mode=ro"),
        ("sqlite:////var/a.db", "sqlite:////var/a.db"),
        ("postgresql://db.example/gateway", "postgresql://db.example/gateway"),
    ],
)
def test_a_relative_database_is_beside_the_file_that_names_it(tmp_path: Path, written: str, found: str) -> None:
    """As every path of the file is; a variable's is relative to where the gateway is started."""
    store = load(toml(tmp_path, f'[store]\ndb = "{written}"\n'), {}).store
    assert store.db is not None
    assert store.db.get_secret_value() == found.format(folder=tmp_path)
    store = load(toml(tmp_path, ""), {"SAGE_GATEWAY_STORE__DB": written}).store
    assert store.db is not None
    assert store.db.get_secret_value() == written


def test_environment_wins(tmp_path: Path) -> None:
    """A variable wins over the file; the other settings of the same section stay."""
    path = toml(tmp_path, '[server]\nport = 1\nhost = "::"\n[apps.acme]\nclient_id = "a"\ncountry = "ie"\n')
    settings = load(path, {"SAGE_GATEWAY_SERVER__PORT": "8443", "SAGE_GATEWAY_APPS__ACME__CLIENT_ID": "b"})
    assert (settings.server.port, settings.server.host) == (8443, "::")
    assert (settings.apps["acme"].client_id, settings.apps["acme"].country) == ("b", "ie")


def test_lists_in_the_environment() -> None:
    """A list in a variable is parted by commas."""
    settings = load(None, {"SAGE_GATEWAY_SERVER__PUBLIC_URLS": "https://a.example/, http://b.example:8080/sage"})
    assert settings.server.public_urls == ("https://a.example", "http://b.example:8080/sage")


def test_variables_of_others() -> None:
    """Variables that Kubernetes makes for a service, or that tests use, are none of ours."""
    environ = {"SAGE_GATEWAY_PORT": "tcp://10.0.0.1:80", "SAGE_GATEWAY_TEST_POSTGRES": "x", "PATH": "/bin"}
    assert load(None, environ).model_dump() == load(None, {}).model_dump()


@pytest.mark.parametrize("key", [
    "store.key", "apps.acme.signing_secret", "apps.acme.v31_client_secret",
    "tenants.shop.access_token", "tenants.shop.refresh_token", "tenants.shop.v31_refresh_token",
])  # fmt: skip
def test_a_secret_in_the_file_is_refused(tmp_path: Path, key: str) -> None:
    """A secret in the TOML is refused with its key, its variable and its *_file setting, never quoted."""
    section, _, name = key.rpartition(".")
    (sentence,) = told(toml(tmp_path, f'[{section}]\n{name} = "{SECRET}"\n'), {})
    assert f"{key} is a secret" in sentence
    assert "SAGE_GATEWAY_" + key.upper().replace(".", "__") in sentence
    assert f"{key}_file" in sentence
    assert SECRET not in sentence


def test_a_password_in_the_file_is_refused(tmp_path: Path) -> None:
    """A database URL with a password may not stand in the TOML; one without may."""
    (sentence,) = told(toml(tmp_path, f'[store]\ndb = "postgresql://u:{SECRET}@db/x"\n'), {})
    assert "SAGE_GATEWAY_STORE__DB" in sentence
    assert SECRET not in sentence
    assert load(toml(tmp_path, '[store]\ndb = "postgresql://u@db/x"\n'), {}).store.db is not None


def test_secrets_are_not_printed() -> None:
    """The settings' representation holds no secret."""
    settings = load(None, {
        "SAGE_GATEWAY_STORE__DB": f"postgresql://u:{SECRET}@db/x", "SAGE_GATEWAY_STORE__KEY": KEY,
        "SAGE_GATEWAY_APPS__A__CLIENT_ID": "a", "SAGE_GATEWAY_APPS__A__SIGNING_SECRET": SECRET,
        "SAGE_GATEWAY_TENANTS__T__APP": "a", "SAGE_GATEWAY_TENANTS__T__BUSINESS": "b",
        "SAGE_GATEWAY_TENANTS__T__ACCESS_TOKEN": SECRET,
    })  # fmt: skip
    assert SECRET not in repr(settings)
    assert KEY not in repr(settings)


def test_wrong_secrets_are_not_quoted() -> None:
    """What is said about a wrong secret does not quote it."""
    sentences = told(None, {"SAGE_GATEWAY_STORE__KEY": SECRET, "SAGE_GATEWAY_STORE__DB": f"mysql://{SECRET}"})
    assert SECRET not in "".join(sentences)


@pytest.mark.parametrize(("variable", "value", "says"), [
    ("SERVER__PORT", "http", "server.port: "),
    ("SERVER__PORT", "65536", "server.port: "),
    ("SERVER__ADMIN", "9080", "server.admin: must be HOST:PORT or off"),
    ("SERVER__PUBLIC_URLS", "ftp://x", "server.public_urls.0: must be a URL that begins with http"),
    ("SERVER__PUBLIC_URLS", "https://x/?a=b", "server.public_urls.0: may hold no user name, query"),
    ("SERVER__PUBLIC_URLS", "https://", "server.public_urls.0: must be a URL"),
    ("SERVER__PUBLIC_URLS", "https://x:99999/", "server.public_urls.0: is not a URL"),
    ("SERVER__TLS_CERT", "a.pem", "server: tls_cert and tls_key belong together"),
    ("SERVER__PROT", "1", "server.prot is not a setting: port is meant, perhaps."),
    ("SERVER__QQQQQQ", "1", "server.qqqqqq is not a setting; there are public_urls, "),
    ("STOER__DB", "x", "stoer is not a setting: store is meant, perhaps."),
    ("STORE__DB", "mysql://x", "store: db must begin with sqlite:/// or postgresql://"),
    ("STORE__KEY", "short", "store: key must be 32 random bytes"),
    ("STORE__KEY_FILE", "/nowhere/key", "store: the file that key_file names cannot be read: No such file"),
    ("UPSTREAM__API", "http://api.example/v3.1", "upstream.api: must be https"),
    ("UPSTREAM__API", "https://api.example/v3.1?x=1", "upstream.api: may hold no user name, query"),
    ("APPS__ACME__SCOPE", "full", "apps.acme.scope: "),
    ("APPS__ACME__COUNTRY", "GBR", "apps.acme.country: must be a country's two letters"),
    ("APPS__ACME__CASH_CUSTOMER", "x1", "apps.acme.cash_customer: must be a legacy id: digits alone"),
    ("APPS__ACME__CLIENT_SECRET_HASH", "secret", "apps.acme.client_secret_hash: must be what `sage-gateway apps hash`"),
    ("SERVER__ADDRESS_HEADER", "X Real", "server.address_header: must be a header's name, such as X-Real-IP"),
    ("APPS__ACME__SIGNATURE", "enforce", 'apps.acme: signature is "enforce", which takes a signing_secret'),
    ("APPS__A-B__CLIENT_ID", "x", "apps.a-b: must be a name of lower-case words joined by"),
    ("APPS__OTHER__COUNTRY", "gb", "apps.other.client_id is missing: set it in the TOML file or as SAGE_"),
    ("TENANTS__SHOP__BUSINESS", "../x", "tenants.shop.business: must be the id of a v3.1 business"),
    ("LIMITS__UPSTREAM_IN_FLIGHT", "151", "limits.upstream_in_flight: "),
])  # fmt: skip
def test_wrong_settings(variable: str, value: str, says: str) -> None:
    """A wrong setting is one sentence that begins with its key."""
    environ = {"SAGE_GATEWAY_APPS__ACME__CLIENT_ID": "x", "SAGE_GATEWAY_TENANTS__SHOP__APP": "acme",
               "SAGE_GATEWAY_TENANTS__SHOP__BUSINESS": "b"}  # fmt: skip
    (sentence,) = told(None, environ | {f"SAGE_GATEWAY_{variable}": value})
    assert sentence.startswith(says)
    assert sentence.endswith(".")


def test_all_that_is_wrong_is_said_at_once() -> None:
    """Two mistakes are two sentences."""
    assert len(told(None, {"SAGE_GATEWAY_SERVER__PORT": "x", "SAGE_GATEWAY_LIMITS__BODY": "y"})) == 2


def test_enforce_with_a_secret() -> None:
    """`enforce` is accepted with a signing secret, `report` without one; an empty secret is none."""
    app = {"SAGE_GATEWAY_APPS__A__CLIENT_ID": "a"}
    assert load(None, app).apps["a"].signature == "report"
    enforced = app | {"SAGE_GATEWAY_APPS__A__SIGNATURE": "enforce"}
    assert load(None, enforced | {"SAGE_GATEWAY_APPS__A__SIGNING_SECRET": "s"}).apps["a"].signature == "enforce"
    told(None, enforced | {"SAGE_GATEWAY_APPS__A__SIGNING_SECRET": ""})


def test_dates_are_shown_as_they_are_read() -> None:
    """Day first out and month first in would make another date of one that is sent back."""
    app = {"SAGE_GATEWAY_APPS__A__CLIENT_ID": "a", "SAGE_GATEWAY_APPS__A__DATE_OUT": "dmy"}
    assert load(None, app).apps["a"].date_order == "dmy"
    (sentence,) = told(None, app | {"SAGE_GATEWAY_APPS__A__DATE_ORDER": "mdy"})
    assert sentence.startswith('apps.a: date_out is "dmy" and date_order "mdy"')


def test_a_tenant_needs_its_app() -> None:
    """A tenant whose app is not there is refused."""
    tenant = {"SAGE_GATEWAY_TENANTS__T__APP": "gone", "SAGE_GATEWAY_TENANTS__T__BUSINESS": "b"}
    assert told(None, tenant) == ("tenants.t.app names no app of these settings: add [apps.gone].",)


def test_key_files(tmp_path: Path) -> None:
    """A store key is taken in hexadecimal and base64; a file open to everybody, or empty, is refused."""
    path = tmp_path / "key"
    environ = {"SAGE_GATEWAY_STORE__KEY_FILE": str(path)}
    for text in (
        KEY,
        "Dw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8=",
        "_-8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8=",
    ):
        path.write_text(text)
        path.chmod(0o600)
        assert [len(key) for key in load(None, environ).store.keys] == [32]
    path.chmod(0o644)
    assert "may be read by every user" in told(None, environ)[0]
    path.chmod(0o600)
    assert "both set" in told(None, environ | {"SAGE_GATEWAY_STORE__KEY": KEY})[0]
    path.write_text(" \n")
    assert "is empty" in told(None, environ)[0]
    path.write_bytes(b"\xff\xff")
    assert "it is not text" in told(None, environ)[0]


def test_no_key_is_no_key() -> None:
    """Without a key asking for its bytes fails."""
    with pytest.raises(ValueError, match="32 random bytes"):
        _ = load(None, {}).store.keys


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file, one that is not UTF-8 and one that is not TOML are named."""
    assert "cannot be read" in told(tmp_path / "gone.toml", {})[0]
    (tmp_path / "x.toml").write_bytes(b"\xff")
    assert "not UTF-8" in told(tmp_path / "x.toml", {})[0]
    assert "is not TOML" in told(toml(tmp_path, "[server"), {})[0]
    assert told(toml(tmp_path, "server = 3\n"), {})[0].startswith("server: ")
    assert told(toml(tmp_path, "store = 3\napps.a = 1\n"), {})[0].startswith("store: ")


def test_a_variable_within_another() -> None:
    """A variable that sets a part of what another sets whole is refused."""
    environ = {"SAGE_GATEWAY_SERVER__PORT": "1", "SAGE_GATEWAY_SERVER__PORT__X": "1"}
    assert told(None, environ)[0].startswith("SAGE_GATEWAY_SERVER__PORT__X sets a part")


def test_frozen() -> None:
    """Settings cannot be changed once they are loaded."""
    settings: Settings = load(None, {})
    with pytest.raises(ValidationError):
        settings.server = settings.server
    with pytest.raises(ValidationError):
        settings.server.port = 1


def test_http_upstream_on_this_machine() -> None:
    """The sandbox's upstream on loopback may be plain HTTP."""
    assert (
        load(None, {"SAGE_GATEWAY_UPSTREAM__API": "http://127.0.0.1:9/v3.1/"}).upstream.api == "http://127.0.0.1:9/v3.1"
    )


def test_two_apps_have_two_client_ids() -> None:
    """A client id names one app: tokens and redirect URIs would be mixed up."""
    environ = {f"SAGE_GATEWAY_APPS__{name}__CLIENT_ID": "same" for name in ("ONE", "TWO")}
    [sentence] = told(None, environ)
    assert "apps.two.client_id is that of apps.one" in sentence
