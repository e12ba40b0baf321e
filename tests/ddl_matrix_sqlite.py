"""Kinds of DDL on SQLite, for ``ddl_matrix``."""

from tests.ddl_matrix import Matrix, case

BASE = (
    "create table p (id integer primary key, name text not null default 'pen')",
    "create table t (id integer primary key, a varchar(10) default 'x', b integer not null, "
    "p references p)",
    "create view v as select id, a from t",
    "create view w as select * from p",
)
MATRICES = {
    "sqlite": Matrix(
        BASE,
        {
            "create table": case("create table n (a integer)"),
            "create table as select": case("create table n as select 1 as one"),
            "create table without rowid": case("create table n (a text primary key) without rowid"),
            "create strict table": case("create table n (a integer) strict"),
            "create virtual table": case("create virtual table n using fts5(title, body)"),
            "drop table": case("drop table t"),
            "drop table that a key leads to": case("drop table p"),
            "drop and make it again, alike": case(
                "drop table n", "create table n (a integer)", after=("create table n (a integer)",)
            ),
            "drop and make it again, otherwise": case(
                "drop table n", "create table n (a text)", after=("create table n (a integer)",)
            ),
            "rename table": case("alter table t rename to u"),
            "rename table that a key leads to": case("alter table p rename to q"),
            "two tables swap their names": case(
                "alter table t rename to x",
                "alter table n rename to t",
                "alter table x rename to n",
                after=("create table n (a integer)",),
            ),
            "add column": case("alter table t add column z integer"),
            "add column that a view over * shows": case("alter table p add column z integer"),
            "add column with default": case("alter table t add column z integer default 7"),
            "add generated column": case(
                "alter table t add column z integer generated always as (b + 1) virtual"
            ),
            "add column with a key": case("alter table t add column z integer references p (id)"),
            "rename column": case("alter table t rename column b to c"),
            "rename column that a key leads to": case("alter table p rename column id to number"),
            "drop column": case("alter table t drop column b"),
            "change and its reversal": case(
                "alter table t add column z integer", "alter table t drop column z"
            ),
            "change by writing the schema": case(
                "pragma writable_schema = on",
                "update sqlite_schema set sql = replace(sql, 'varchar(10)', 'varchar(20)') "
                "where name = 't'",
            ),
            "parent's key on another column": case(
                "drop table p", "create table p (id integer, name text primary key)"
            ),
            "create view": case("create view x as select 1 as one"),
            "replace view": case("drop view v", "create view v as select id, b from t"),
            "drop view": case("drop view v"),
            "view whose table is gone": case("drop table t", after=("drop view w",)),
            "create index": case("create index i on t (a)"),
            "create unique index": case("create unique index i on t (a)"),
            "create trigger": case("create trigger g after insert on t begin select 1; end"),
            "rows": case("insert into p (name) values ('x')"),
            "analyze": case("analyze"),
            "vacuum": case("vacuum"),
            "rolled back": case("begin", "alter table t add column z integer", "rollback"),
        },
    )
}
