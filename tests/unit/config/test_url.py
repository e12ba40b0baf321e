"""Addresses that are looked up late: in a file or an environment variable, never kept."""

import json
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from incremental_assets.cli.app import main
from incremental_assets.config.connection import Connection
from incremental_assets.config.errors import ConfigError
from incremental_assets.config.loading import load_config
from incremental_assets.config.model import Config
from incremental_assets.wiring import open_source
from incremental_resources.errors import ResourceError

PASSWORD = "hunter2"
URL = f"postgresql://reader:{PASSWORD}@127.0.0.1:1/shop"
VARIABLE = "SHOP_URL_OF_A_TEST"


def load(folder: Path, **keys: object) -> Config:
    """A file with one connection of these keys, read."""
    file = folder / "connections.yaml"
    file.write_text(json.dumps({"connections": [{"name": "shop", **keys}]}))
    return load_config(file, {})


def mistake(folder: Path, **keys: object) -> str:
    with pytest.raises(ConfigError) as caught:
        load(folder, **keys)
    assert PASSWORD not in str(caught.value)
    return str(caught.value)


def test_a_file_holds_the_url_and_is_read_each_time(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{URL}\r\n")
    [shop] = load(tmp_path, url_file="secret").connections
    assert (shop.address(), shop.dialect().name) == (URL, "postgresql")
    assert shop.scope().only_database == "shop"
    secret.write_text(URL.replace(PASSWORD, "other"))
    assert shop.address() == URL.replace(PASSWORD, "other")
    assert "secret" in repr(shop)
    assert not any(word in f"{shop!r}{shop}" for word in (PASSWORD, "other@"))


def test_a_session_takes_the_url_that_the_file_has_then(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(URL)
    config = load(tmp_path, url_file="secret", dialect="postgresql")
    with open_source(config, config.connections[0]) as source:
        secret.unlink()
        with pytest.raises(ConfigError, match=r"connection shop: url_file .*secret cannot be read"):
            source.version()
        secret.write_text("reader:hunter2@nowhere")
        with pytest.raises(ConfigError, match="not a database URL") as caught:
            source.version()
        assert PASSWORD not in str(caught.value)
        secret.write_text("sqlite:///shop.db")
        with pytest.raises(ConfigError, match=r"holds a SQLite url, but dialect is postgresql"):
            source.version()
        secret.write_text(URL)
        with pytest.raises(ResourceError, match="nobody takes the connection"):
            source.version()


def test_a_path_in_the_file_starts_where_the_configuration_is(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("sqlite:///data/shop.db")
    [shop] = load(tmp_path, url_file="secret").connections
    assert shop.address() == f"sqlite:///{tmp_path}/data/shop.db"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "secret cannot be read: No such file or directory. It must hold the url"),
        ("\n", "secret is empty. It must hold the url and nothing else. With dialect: NAME"),
        (b"\xff", "secret is not UTF-8"),
        (f"reader:{PASSWORD}@h", "not a database URL (its text is not shown"),
        ("sqlite://", "names no database file"),
    ],
)
def test_a_file_that_cannot_be_used_is_told(
    tmp_path: Path, content: str | bytes | None, told: str
) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(
            content if isinstance(content, bytes) else bytes(content, "utf-8")
        )
    assert told in mistake(tmp_path, url_file="secret")


def test_one_of_the_two_is_needed(tmp_path: Path) -> None:
    assert "[0].url: is required" in mistake(tmp_path)
    assert "[0].url: is required" in mistake(tmp_path, url_file="")


def test_with_a_dialect_the_file_is_not_needed_before_a_refresh(tmp_path: Path) -> None:
    [shop] = load(tmp_path, url_file="later", dialect="postgresql").connections
    assert shop.dialect().name == "postgresql"
    assert shop.read_entities() == shop.dialect().entities
    (tmp_path / "later").write_text(URL)
    assert shop.scope().only_database == "shop"


def test_an_environment_variable_is_read_when_a_refresh_needs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    shop = Connection(name="shop", url=dg.EnvVar(VARIABLE), dialect="postgresql")
    assert shop.read_entities() == shop.dialect().entities
    assert VARIABLE in repr(shop)
    assert VARIABLE in shop.model_dump_json()
    with pytest.raises(ConfigError, match=f"connection shop: the environment variable {VARIABLE} "):
        shop.scope()
    monkeypatch.setenv(VARIABLE, URL)
    assert (shop.address(), shop.scope().only_database) == (URL, "shop")
    assert PASSWORD not in f"{shop!r}{shop}{shop.model_dump()}{shop.model_dump_json()}"


def test_an_environment_variable_needs_the_dialect() -> None:
    with pytest.raises(ValidationError, match="say with dialect which product it is: .*postgresql"):
        Connection(name="shop", url=dg.EnvVar(VARIABLE))


def test_check_says_that_everybody_may_read_the_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"sqlite:///{tmp_path}/shop.db")
    (tmp_path / "shop.db").touch()
    load(tmp_path, url_file="secret", dialect="sqlite")
    for mode, result in ((0o644, "warn"), (0o600, "ok")):
        secret.chmod(mode)
        asked = ["--config", str(tmp_path / "connections.yaml"), "check", "--json"]
        told = json.loads(CliRunner().invoke(main, asked).stdout)
        (login,) = (one for one in told["checks"] if one["check"] == "login")
        assert login["result"] == result, login
        assert ("every user of this machine" in login["message"]) == (result == "warn")
