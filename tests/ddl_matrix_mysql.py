"""Kinds of DDL on MariaDB and MySQL, for ``ddl_matrix``."""

from tests.ddl_matrix import Case, Matrix, case

BASE = (
    "create table p (id integer primary key, name varchar(20) not null default 'pen')",
    "create table t (id integer primary key, a varchar(10) default 'x', b integer not null, "
    "c decimal(10, 2), p integer)",
    "create view v as select id, a from t",
    "create view w as select * from p",
    "create function f(n integer) returns integer deterministic return n + 1",
    "create procedure r(in n integer) begin end",
)
REFERENCE = "alter table t add constraint k foreign key (p) references p (id)"
BOTH: dict[str, Case] = {
    "create table": case("create table n (a integer)"),
    "create table like another": case("create table n like t"),
    "create table as select": case("create table n as select 1 as one"),
    "drop table": case("drop table p"),
    "drop table and make it again, alike": case(
        "drop table n", "create table n (a integer)", after=("create table n (a integer)",)
    ),
    "drop table and make another of its name": case(
        "drop table n", "create table n (b text)", after=("create table n (a integer)",)
    ),
    "rename table": case("rename table p to q"),
    "swap two tables": case("rename table p to x, t to p, x to t"),
    "swap two tables and back": case(
        "rename table p to x, t to p, x to t", "rename table p to x, t to p, x to t"
    ),
    "add column at the end": case("alter table t add column z integer"),
    "add column instantly": case("alter table t add column z integer, algorithm=instant"),
    "add column first": case("alter table t add column z integer first"),
    "add column and drop it": case(
        "alter table t add column z integer", "alter table t drop column z"
    ),
    "two changes within a second": case(
        "alter table t modify column z bigint", after=("alter table t add column z integer",)
    ),
    "rename column": case("alter table t rename column c to d"),
    "swap two columns' names": case("alter table t rename column a to c, rename column c to a"),
    "drop column": case("alter table t drop column c"),
    "move column": case("alter table t modify column c decimal(10, 2) first"),
    "change type": case("alter table t modify column b bigint not null"),
    "lengthen varchar": case("alter table t modify column a varchar(11) default 'x'"),
    "change precision": case("alter table t modify column c decimal(12, 2)"),
    "add a label to an enum": case(
        "alter table n modify column e enum('x', 'y')", after=("create table n (e enum('x'))",)
    ),
    "change character set of a column": case(
        "alter table t modify column a varchar(10) character set latin1 default 'x'"
    ),
    "change collation of a column": case(
        "alter table t modify column a varchar(10) collate utf8mb4_bin default 'x'"
    ),
    "set default": case("alter table t alter column b set default 1"),
    "change default": case("alter table t alter column a set default 'y'"),
    "drop default": case("alter table t alter column a drop default"),
    "default of an expression": case(
        "alter table t modify column a varchar(10) default (concat('a', 'b'))"
    ),
    "on update": case(
        "alter table n modify column m timestamp default now() on update now()",
        after=("create table n (m timestamp default now())",),
    ),
    "set not null": case("alter table t modify column c decimal(10, 2) not null"),
    "drop not null": case("alter table t modify column b integer"),
    "comment on column": case("alter table t modify column c decimal(10, 2) comment 'said'"),
    "comment on column taken away": case(
        "alter table n modify column a integer",
        after=("create table n (a integer comment 'said')",),
    ),
    "comment on table": case("alter table t comment 'said'"),
    "comment on table taken away": case(
        "alter table n comment ''", after=("create table n (a integer) comment 'said'",)
    ),
    "add primary key": case(
        "alter table n add primary key (a)", after=("create table n (a integer not null)",)
    ),
    "drop primary key": case("alter table t drop primary key"),
    "primary key of other columns": case("alter table t drop primary key, add primary key (b)"),
    "auto_increment": case("alter table t modify column id integer auto_increment"),
    "add foreign key": case(REFERENCE),
    "drop foreign key": case("alter table t drop foreign key k", after=(REFERENCE,)),
    "foreign key leads elsewhere": case(
        "alter table t drop foreign key k",
        "alter table t add constraint k foreign key (p) references n (id)",
        after=(REFERENCE, "create table n (id integer primary key)"),
    ),
    "table of a foreign key renamed": case("rename table p to q", after=(REFERENCE,)),
    "column of a foreign key renamed": case(
        "alter table p rename column id to key_id", after=(REFERENCE,)
    ),
    "add generated column": case("alter table t add column g integer as (b * 2) stored"),
    "generated column becomes another": case(
        "alter table n modify column g integer as (a + 2)",
        after=("create table n (a integer, g integer as (a + 1))",),
    ),
    "convert to another character set": case("alter table t convert to character set latin1"),
    "partition": case("alter table t partition by hash (id) partitions 2"),
    "remove partitioning": case(
        "alter table n remove partitioning",
        after=("create table n (a integer) partition by hash (a) partitions 2",),
    ),
    "create view": case("create view n as select 1 as one"),
    "drop view": case("drop view v"),
    "replace view by other columns": case("create or replace view v as select b from t"),
    "replace view by another text with the same columns": case(
        "create or replace view v as select id, a from t where id > 0"
    ),
    "replace view by the same": case("create or replace view v as select id, a from t"),
    "owner of view": case("create or replace definer = nobody view v as select id, a from t"),
    "view becomes table": case("drop view v", "create table v (id integer)"),
    "table becomes view": case("drop table p", "create view p as select 1 as id, 'x' as name"),
    "column type of a view's table": case("alter table t modify column a varchar(30)"),
    "view's table dropped": case("drop table t"),
    "view's table comes back": case(
        "create table n (b text)",
        after=("create table n (a integer)", "create view x as select * from n", "drop table n"),
    ),
    "create function": case("create function g(n text) returns text deterministic return n"),
    "drop function": case("drop function f"),
    "function becomes another": case(
        "drop function f",
        "create function f(n integer) returns integer deterministic return n + 2",
    ),
    "arguments of a procedure": case(
        "drop procedure r", "create procedure r(in n bigint, out m text) begin end"
    ),
    "comment on function": case("alter function f comment 'said'"),
    "comment on procedure": case("alter procedure r comment 'said'"),
    "rights of a procedure": case("alter procedure r sql security invoker"),
    "add index": case("create index i on t (b)"),
    "add unique index": case("create unique index i on t (b)"),
    "drop index": case("drop index i on t", after=("create index i on t (b)",)),
    "make the table anew": case("alter table t force"),
    "change engine": case("alter table t engine = myisam"),
    "default character set of a table": case("alter table t default character set latin1"),
    "truncate": case("truncate table t"),
    "insert": case("insert into p (id) values (1)"),
    "analyze": case("analyze table t"),
    "create trigger": case("create trigger g before insert on t for each row set new.b = 1"),
    "grant": case(
        "grant select on t to matrix_reader@localhost",
        after=("create user if not exists matrix_reader@localhost",),
        undo=("drop user matrix_reader@localhost",),
    ),
    "default character set of the database": case("alter database character set latin1"),
}
ONLY_MARIADB: dict[str, Case] = {
    "create or replace table, other columns": case("create or replace table p (id text)"),
    "comment on the database": case("alter database comment 'said'"),
    "add system versioning": case("alter table t add system versioning"),
    "create sequence": case("create sequence s"),
    "owner of a procedure": case(
        "create or replace definer = nobody procedure r(in n integer) begin end"
    ),
    "column becomes invisible": case("alter table t modify column c decimal(10, 2) invisible"),
}
ONLY_MYSQL: dict[str, Case] = {
    "column becomes invisible": case("alter table t alter column c set invisible"),
    "drop column instantly": case("alter table t drop column c, algorithm=instant"),
    "rename column instantly": case("alter table t rename column c to d, algorithm=instant"),
    "a check": case("alter table t add constraint positive check (b > 0)"),
}
MATRICES = {
    "mariadb": Matrix(BASE, BOTH | ONLY_MARIADB),
    "mysql": Matrix(BASE, BOTH | ONLY_MYSQL),
}
