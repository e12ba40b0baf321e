"""Kinds of DDL on ClickHouse, for ``ddl_matrix``."""

from tests.ddl_matrix import Matrix, case

T = "create table n (a Int32) engine = MergeTree order by a"
BASE = (
    "create table p (id Int32, name String default 'pen') engine = MergeTree order by id",
    "create table t (id Int32, a String default 'x', b Int32, c Nullable(Decimal(10, 2)), "
    "d Int32 materialized id * 2) engine = MergeTree order by id",
    "create table d (id UInt64, name String) engine = MergeTree order by id",
    "create view v as select id, a from t",
    "create view w as select * from p",
    "create materialized view m engine = MergeTree order by id as select id from t",
    "create materialized view mt to p as select id, a as name from t",
    "create dictionary k (id UInt64, name String) primary key id "
    "source(clickhouse(table 'd' db 'shop')) layout(flat()) lifetime(10)",
)
MATRICES = {
    "clickhouse": Matrix(
        BASE,
        {
            "create table": case(T),
            "create table like another": case("create table n as t"),
            "drop table": case("drop table p"),
            "drop table and make it again, alike": case("drop table n", T, after=(T,)),
            "replace table by one alike": case(
                T.replace("create", "create or replace"), after=(T,)
            ),
            "replace table by another": case(
                "create or replace table n (b String) engine = Memory", after=(T,)
            ),
            "rename table": case("rename table p to q"),
            "swap two tables": case("exchange tables p and t"),
            "swap two tables and back": case("exchange tables p and t", "exchange tables p and t"),
            "move table to another database": case(
                "rename table p to other.p", after=("create database if not exists other",)
            ),
            "add column": case("alter table t add column z Int32"),
            "add column first": case("alter table t add column z Int32 first"),
            "add column and drop it": case(
                "alter table t add column z Int32", "alter table t drop column z"
            ),
            "two changes within a second": case(
                "alter table t modify column z Int64", after=("alter table t add column z Int32",)
            ),
            "rename column": case("alter table t rename column c to e"),
            "drop column": case("alter table t drop column c"),
            "move column": case("alter table t modify column c Nullable(Decimal(10, 2)) first"),
            "change type": case("alter table t modify column b Int64"),
            "change precision": case("alter table t modify column c Nullable(Decimal(12, 2))"),
            "drop not null": case("alter table t modify column b Nullable(Int32)"),
            "set default": case("alter table t modify column b default 1"),
            "drop default": case("alter table t modify column a remove default"),
            "default becomes materialized": case("alter table t modify column a materialized 'x'"),
            "default becomes an alias": case("alter table t modify column a alias 'x'"),
            "materialized by another expression": case(
                "alter table t modify column d Int32 materialized id * 3"
            ),
            "comment on column": case("alter table t comment column a 'said'"),
            "comment on column taken away": case(
                "alter table t comment column a ''",
                after=("alter table t comment column a 'said'",),
            ),
            "comment on table": case("alter table t modify comment 'said'"),
            "comment on table taken away": case(
                "alter table t modify comment ''", after=("alter table t modify comment 'said'",)
            ),
            "codec of a column": case("alter table t modify column b Int32 codec(ZSTD)"),
            "lifetime of rows": case(
                "alter table n modify ttl d + interval 1 day",
                after=("create table n (d Date) engine = MergeTree order by d",),
            ),
            "setting of a table": case("alter table t modify setting merge_with_ttl_timeout = 5"),
            "longer sorting key": case(
                "alter table t add column z Int32, modify order by (id, z)",
            ),
            "create view": case("create view n as select 1 as one"),
            "replace view": case("create or replace view v as select id from t"),
            "replace view by one with the same columns": case(
                "create or replace view v as select id, a from t where b > 1"
            ),
            "a view's base has a column more": case("alter table p add column z Int32"),
            "drop view": case("drop view v"),
            "a view becomes a table": case(
                "drop view v", "create table v (id Int32, a String) engine = Memory"
            ),
            "create materialized view with a target": case(
                "create materialized view n to p as select id, a as name from t"
            ),
            "create materialized view without one": case(
                "create materialized view n engine = MergeTree order by id as select id from t"
            ),
            "another query of a materialized view": case(
                "alter table mt modify query select id, 'x' as name from t"
            ),
            "drop materialized view": case("drop table m"),
            "drop dictionary": case("drop dictionary k"),
            "insert": case("insert into p (id) values (1)"),
            "optimize": case("optimize table p final"),
            "truncate": case("truncate table p"),
            "detach and attach": case("detach table p", "attach table p"),
            "update rows": case("alter table p update name = 'x' where id = 1"),
            "add an index": case("alter table t add index i b type minmax"),
        },
    )
}
