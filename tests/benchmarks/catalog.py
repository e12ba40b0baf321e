"""A PostgreSQL catalogue of any size to measure against, and DDL that changes a share of it.

What stands here: the statements that make such a catalogue and that change it. Nothing is measured
here, and no database is created or dropped.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from random import Random

import psycopg

from tests.benchmarks import words

COLUMNS = 20
SCHEMAS = 50
ROUTINES = 200
RELATIONS_PER_VIEW = 51  # 1,000 tables have 20 views
COMMENTED_EVERY = 10
# A table costs about five locks (itself, its index, the TOAST table and its index, a reference),
# and a server with default settings has room for 6,400 in all.
STATEMENTS_PER_TRANSACTION = 500
CATALOGS = (
    "pg_class, pg_attribute, pg_attrdef, pg_description, pg_constraint, pg_depend, pg_index, "
    "pg_namespace, pg_proc, pg_rewrite, pg_type, pg_inherits"
)


@dataclass(frozen=True)
class Counts:
    """What a catalogue holds outside the system schemas."""

    schemas: int
    tables: int
    views: int
    columns: int
    primary_keys: int
    routines: int
    table_comments: int
    column_comments: int

    @property
    def relations(self) -> int:
        """Tables and views."""
        return self.tables + self.views


@dataclass(frozen=True)
class Table:
    """One table before it is made: its schema, its name and its columns (name, type)."""

    schema: str
    name: str
    columns: tuple[tuple[str, str], ...]

    @property
    def path(self) -> str:
        """The qualified name. The words of the benchmark need no quotes."""
        return f"{self.schema}.{self.name}"


def generate(url: str, relations: int) -> Counts:
    """Fill the empty database of ``url`` with ``relations`` tables and views, in many commits."""
    with psycopg.connect(url, autocommit=True) as connection:
        _execute(connection, _ddl(relations))
        connection.execute(f"vacuum (analyze) {CATALOGS}")
        connection.execute("checkpoint")
    return counts(url)


def counts(url: str) -> Counts:
    """What the database of ``url`` holds."""
    with psycopg.connect(url) as connection:
        row = connection.execute(_sql("counts")).fetchone()
    assert row is not None
    return Counts(*row)


def change(url: str, share: float, seed: int = 0) -> dict[str, int]:
    """Alter ``share`` of the tables and views, each in one way; how many in which way.

    Only tables that no view reads are altered. Another ``seed`` takes other tables.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(_sql("change"), {"share": share, "seed": seed}).fetchall()
        _execute(connection, (statement for _, statement in rows))
    kinds = [kind for kind, _ in rows]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def _sql(name: str) -> str:
    return Path(__file__).with_name(f"{name}.sql").read_text("utf-8")


def _execute(connection: psycopg.Connection, statements: Iterable[str]) -> None:
    remaining = iter(statements)
    while chunk := list(islice(remaining, STATEMENTS_PER_TRANSACTION)):
        connection.execute(";\n".join(chunk))  # one round trip, one transaction


def _ddl(relations: int) -> Iterator[str]:
    views = relations // RELATIONS_PER_VIEW
    tables: list[Table] = []
    yield from (f"create schema {schema}" for schema in _schemas())
    for position, (schema, name) in enumerate(_table_names(relations - views)):
        table = Table(schema, name, _columns(Random(f"columns of {position}")))
        tables.append(table)
        yield from _table_ddl(table, position, tables)
    for position in range(views):
        yield _view_ddl(tables[position * len(tables) // views], position)
    yield from (_routine_ddl(position) for position in range(ROUTINES))


def _schemas() -> list[str]:
    return [f"{domain}_{layer}" for domain, layer in product(words.DOMAINS, words.LAYERS)]


def _table_names(tables: int) -> Iterator[tuple[str, str]]:
    """Names that differ within a schema; about as many tables in each schema."""
    possible = list(product(words.SUBJECTS, words.ASPECTS, words.FORMS))
    schemas = _schemas()
    for position, schema in enumerate(schemas):
        here = len(range(position, tables, len(schemas)))
        for subject, aspect, form in Random(schema).sample(possible, here):
            yield schema, f"{subject}_{aspect}{form}"


def _columns(random: Random) -> tuple[tuple[str, str], ...]:
    """A key, a short text that a type change can widen, and whatever else."""
    facts = random.sample(list(product(words.QUALIFIERS, words.FACTS)), COLUMNS - 2)
    return (
        ("id", "bigint"),
        ("name", f"varchar({random.randint(20, 200)})"),
        *((_column_name(random, *fact), _type(random)) for fact in facts),
    )


def _column_name(random: Random, qualifier: str, fact: str) -> str:
    whose = f"{random.choice(words.SUBJECTS)}_" if random.random() < 0.5 else ""
    return f"{whose}{qualifier}_{fact}"


def _type(random: Random) -> str:
    length, precision = random.randint(8, 250), random.randint(9, 30)
    return random.choice(words.TYPES).format(length=length, precision=precision)


def _table_ddl(table: Table, position: int, before: list[Table]) -> Iterator[str]:
    random = Random(f"table {position}")
    lines = [_column_ddl(name, kind, random) for name, kind in table.columns]
    lines.append("primary key (id)")
    if position % COMMENTED_EVERY == 3:
        lines.append(f"constraint belongs_to foreign key (id) references {before[-2].path} (id)")
    yield f"create table {table.path} ({', '.join(lines)})"
    if position % COMMENTED_EVERY == 0:
        yield f"comment on table {table.path} is '{_sentence(random)}'"
    for number, (name, _) in enumerate(table.columns, position * COLUMNS + position % 7):
        if number % COMMENTED_EVERY == 0:
            yield f"comment on column {table.path}.{name} is '{_sentence(random)}'"


def _column_ddl(name: str, kind: str, random: Random) -> str:
    default = words.DEFAULTS.get(kind.partition("(")[0]) if random.random() < 0.3 else None
    required = " not null" if random.random() < 0.3 else ""
    if default is None:
        return f"{name} {kind}{required}"
    return f"{name} {kind}{required} default {default.format(number=random.randint(0, 10_000))}"


def _view_ddl(table: Table, position: int) -> str:
    names = ", ".join(name for name, _ in table.columns)
    return (
        f"create view {table.schema}.overview_{position}_{table.name} as "
        f"select {names} from {table.path} where id > {position}"
    )


def _routine_ddl(position: int) -> str:
    random = Random(f"routine {position}")
    verb = random.choice(("refresh", "settle", "archive", "validate", "rebuild"))
    name = f"{verb}_{random.choice(words.SUBJECTS)}_{random.choice(words.ASPECTS)}_{position}"
    schema = random.choice(_schemas())
    if position % 4 == 0:
        return (
            f"create procedure {schema}.{name}(since date, batch integer default {position}) "
            f"language plpgsql as $$ begin raise notice '{_sentence(random)}'; end $$"
        )
    return (
        f"create function {schema}.{name}(amount numeric, rate numeric default 0.{position}) "
        f"returns numeric language sql stable as $$ select amount * rate -- {_sentence(random)}\n$$"
    )


def _sentence(random: Random) -> str:
    return (
        f"{random.choice(words.OPENINGS)} {random.choice(words.DOMAINS)} "
        f"({random.choice(words.SUBJECTS)} {random.choice(words.ASPECTS)}), "
        f"{random.choice(words.CAVEATS)}; ticket {random.randint(1000, 99999)}."
    )
