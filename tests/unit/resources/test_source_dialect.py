"""Which dialect a URL means, and what a dialect says of itself."""

import pytest

from incremental_resources.source.dialect import dialect_for, dialects, parse_url
from incremental_resources.source.errors import CapabilityMissing


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://reader@host/shop", "postgresql"),
        ("postgres://reader@host/shop", "postgresql"),
        ("postgresql+psycopg2://reader@host/shop", "postgresql"),
        ("sqlite:///shop.db", "sqlite"),
        ("mariadb://reader@host:3306/shop", "mariadb"),
        ("mysql+pymysql://reader@host/shop", "mysql"),
    ],
)
def test_a_url_means_a_dialect_by_its_scheme(url: str, name: str) -> None:
    assert dialect_for(url).name == name


def test_postgres_means_psycopg_3_whatever_the_url_says() -> None:
    dialect = dialect_for("postgres://reader:secret@host/shop")
    url = dialect.engine_url(parse_url("postgres://reader:secret@host/shop"), "other")
    assert url.render_as_string(hide_password=False) == (
        "postgresql+psycopg://reader:secret@host/other"
    )


@pytest.mark.parametrize(
    ("url", "database"),
    [("postgresql://reader@host/shop", "shop"), ("postgresql://reader@host", "reader")],
)
def test_the_database_of_a_postgres_url_follows_libpq(url: str, database: str) -> None:
    assert dialect_for(url).database_of(parse_url(url)) == database


def test_an_unknown_scheme_lists_the_known_ones() -> None:
    with pytest.raises(CapabilityMissing, match=r"oracle://.*postgresql://.*sqlite://"):
        dialect_for("oracle://reader:secret@host/shop")


@pytest.mark.parametrize("text", ["reader:secret@host", "", "postgresql://reader:secret@host:no/x"])
def test_what_is_no_url_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(CapabilityMissing, match="not a database URL") as error:
        dialect_for(text)
    assert "secret" not in str(error.value)
    assert error.value.__cause__ is error.value.__context__ is None


@pytest.mark.parametrize("dialect", dialects().values(), ids=dialects())
def test_every_dialect_is_found_by_every_scheme_it_names(dialect: object) -> None:
    found = dialects()[getattr(dialect, "name", "")]
    assert {dialect_for(f"{scheme}://").name for scheme in found.url_schemes} == {found.name}


@pytest.mark.parametrize("version", ["12", "12.4", "15.20 (Debian 15.20-0+deb12u1)", "18beta1"])
def test_a_version_that_can_be_read_passes(version: str) -> None:
    dialects()["postgresql"].check_version(version)


@pytest.mark.parametrize("version", ["11.22", "9.6.24", "", "unknown"])
def test_an_old_or_unknown_version_is_refused_by_name(version: str) -> None:
    with pytest.raises(CapabilityMissing, match=r"PostgreSQL .*, but 12 is the oldest"):
        dialects()["postgresql"].check_version(version)


def test_a_file_that_is_missing_names_the_product_and_the_file() -> None:
    with pytest.raises(CapabilityMissing, match=r"PostgreSQL has no macros\.sql"):
        dialects()["postgresql"].sql("macros")
