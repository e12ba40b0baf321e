-- Grants: owner of an empty database. PostgreSQL 14 or newer.
-- Schemas, types, sequences and the functions that tables need to exist.

create schema sales;
create schema inventory;
create schema logistics;
create schema finance;
create schema hr;
create schema marketing;
create schema analytics;
create schema support;
create schema staging;

comment on schema public is 'Master data: customers, products, places';
comment on schema sales is 'Orders, baskets, payments, returns';
comment on schema inventory is 'What lies where, and how it got there';
comment on schema logistics is 'Shipments, carriers, tracking';
comment on schema finance is 'Ledgers, invoices, taxes';
comment on schema hr is 'People, positions, payroll. Restricted';
comment on schema marketing is 'Campaigns, audiences, vouchers';
comment on schema analytics is 'Derived tables; rebuilt every night';
comment on schema support is 'Tickets and what customers say';
comment on schema staging is 'Raw loads from other systems; anything here may vanish';

create type public.currency_code as enum ('EUR', 'USD', 'GBP', 'JPY', 'BRL', 'INR', 'SEK', 'PLN');
create type public.sales_channel as enum ('web', 'app', 'store', 'marketplace', 'phone');
create type sales.order_status as enum (
    'placed',
    'paid',
    'packed',
    'shipped',
    'delivered',
    'cancelled',
    'returned'
);
create type support.ticket_priority as enum ('low', 'normal', 'high', 'urgent');
create type hr.employment_kind as enum ('permanent', 'fixed term', 'contractor', 'apprentice');
create type public.postal_address as (
    street text,
    house_number text,
    postal_code text,
    city text,
    country_code character(2)
);
create type public.price_range as range (subtype = numeric);

comment on type sales.order_status is 'The life of an order, in order';

create domain public.email_address as text
    constraint email_has_at check (value ~ '^[^@]+@[^@]+$');
create domain public.money_amount as numeric(12, 2) default 0;
create domain public.percentage as numeric(5, 2)
    constraint percentage_bounds check (value between 0 and 100);
create domain public.country_code as character(2) collate "C"
    constraint country_code_upper check (value = upper(value));
create domain inventory.quantity as integer
    constraint quantity_not_negative check (value >= 0);

comment on domain public.email_address is 'Holds an @; the rest is the mail server''s business';

create sequence sales.order_number_seq start with 100000 increment by 1 cache 10;
create sequence finance.invoice_number_seq start with 1 no cycle;
create sequence logistics.shipment_number_seq as bigint start with 5000000;
create sequence support.ticket_number_seq start with 1000;

create function public.today_utc() returns date
    language sql stable parallel safe
    return (current_timestamp at time zone 'UTC')::date;

create function sales.next_order_number(channel public.sales_channel) returns text
    language sql volatile
    as $$ select upper(left(channel::text, 1)) || nextval('sales.order_number_seq')::text $$;

create function finance.next_invoice_number() returns text
    language sql volatile
    as $$
        select to_char(now() at time zone 'UTC', 'YYYY') || '-'
            || lpad(nextval('finance.invoice_number_seq')::text, 7, '0')
    $$;

create function public.normalized(value text) returns text
    language sql immutable strict parallel safe
    return lower(btrim(value));
