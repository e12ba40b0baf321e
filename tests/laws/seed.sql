-- What every game of random DDL begins with. The schema still is never touched: its tables must not be read again.
create schema one; create schema two; create schema still;
create type one.mood as enum ('sad', 'ok'); create domain two.code as varchar(10);
create type two.pair as (x integer, y text); create type one.span as range (subtype = integer);
create sequence one.numbers; create collation two.plain from "C";
create text search configuration one.words (copy = simple);
create function one.next_code(n integer default 1) returns integer immutable language sql
    return n + 1;
create procedure two.noop() language sql as 'select 1';
create aggregate one.total(integer) (sfunc = int4pl, stype = integer);
create operator two.=== (leftarg = integer, rightarg = integer, function = int4eq);
create foreign data wrapper nothing; create server nowhere foreign data wrapper nothing;
create table one.product (
    id integer generated always as identity primary key, name varchar(20) not null default 'pen',
    state one.mood default 'ok', code two.code, number integer default nextval('one.numbers'),
    twice integer generated always as (number * 2) stored
);
create table one.sale (
    id integer primary key, product integer references one.product (id),
    fresh integer default one.next_code(), place two.pair default '(1,x)',
    y text generated always as ((place).y) stored, note text collate two.plain
);
create table two.product (id integer primary key default one.next_code(2), kind one.mood[]);
create table two.log (at date, what text) partition by range (at);
create table two.log_2025 partition of two.log for values from ('2025-01-01') to ('2026-01-01');
create table two.log_2026 partition of two.log for values from ('2026-01-01') to ('2027-01-01');
create table one.special (extra text) inherits (one.product);
create view one.offer as select id, name, state from one.product where twice > 1;
create view two.offers as select o.*, (s.place).y from one.offer o join one.sale s using (id);
create materialized view two.totals as select product, count(*) as n from one.sale group by 1;
create table two.dependent (
    operator boolean default (1 operator(two.===) 2), namespace oid default 'one'::regnamespace::oid,
    class oid default 'one.sale'::regclass::oid, type oid default 'one.mood'::regtype::oid,
    procedure oid default 'one.next_code(integer)'::regprocedure::oid, label text default 'ok'::one.mood::text,
    words tsvector generated always as (to_tsvector('one.words'::regconfig, 'x')) stored,
    moods one.mood[] default '{ok,sad}', range one.span default '[1,2)', row one.product
);
create foreign table two.far (a integer, b text) server nowhere;
create schema lonely;
create type still.mood as enum ('x'); create sequence still.numbers;
create function still.f() returns integer language sql return 1;
create table still.a (
    id integer primary key default still.f(), m still.mood, n integer default nextval('still.numbers')
);
create table still.b (id integer references still.a) partition by list (id);
create table still.b_1 partition of still.b for values in (1);
create view still.v as select * from still.a; create view still.w as select * from still.v;
create materialized view still.m as select * from still.v;
comment on table still.a is 'quiet'; comment on column still.a.id is 'quiet';
insert into one.product (number) values (1); insert into one.sale values (1, 1);
