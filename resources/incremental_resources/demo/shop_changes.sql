-- Grants: owner of the shop. PostgreSQL 14 or newer.
-- What a week of releases does to the shop. Each change is a transaction of its own; its line
-- "-- change:" is what people read. Nothing here makes a whole schema or a fifth of it disappear.

-- change: column added: sales.orders.gift_message
alter table sales.orders add column gift_message character varying(300);
comment on column sales.orders.gift_message is 'Printed on the card';

-- change: generated column added: public.products.is_heavy
alter table public.products
    add column is_heavy boolean generated always as (weight_grams > 20000) stored;

-- change: columns dropped: logistics.shipments.fax_number, hr.employees.pager_number
alter table logistics.shipments drop column fax_number;
alter table hr.employees drop column pager_number;

-- change: column renamed: public.customers.blocked -> is_blocked (a view reads it)
alter table public.customers rename column blocked to is_blocked;

-- change: types widened: finance.invoices.reference, inventory.bins.max_weight_kg
alter table finance.invoices alter column reference type character varying(200);
alter table inventory.bins alter column max_weight_kg type numeric(9, 3);

-- change: default set: marketing.campaigns.channel; default dropped: sales.gift_cards.issued_on
alter table marketing.campaigns alter column channel set default 'search';
alter table sales.gift_cards alter column issued_on drop default;

-- change: not null set: public.brands.website; dropped: logistics.drivers.name
update public.brands set website = 'https://example.com' where website is null;
alter table public.brands alter column website set not null;
alter table logistics.drivers alter column name drop not null;

-- change: table comment set: sales.baskets; changed: sales.orders
comment on table sales.baskets is 'Not yet orders; emptied after thirty days';
comment on table sales.orders is 'One row per order; test orders have a negative total';

-- change: column comment changed: public.customers.email
comment on column public.customers.email is 'Personal data; confirmed by mail';

-- change: comments removed: finance.exchange_rates, sales.orders.remark
comment on table finance.exchange_rates is null;
comment on column sales.orders.remark is null;

-- change: table created: sales.order_attachments
create table sales.order_attachments (
    attachment_id bigint generated always as identity primary key,
    order_id bigint not null references sales.orders (order_id) on delete cascade,
    file_name text not null,
    content bytea,
    added_at timestamp with time zone not null default now()
);
comment on table sales.order_attachments is 'Files that customers send along';

-- change: tables dropped: staging.adserver_documents, staging.pos_documents
drop table staging.adserver_documents;
drop table staging.pos_documents;

-- change: table dropped and created anew with other columns: staging.crm_prices
drop table staging.crm_prices;
create table staging.crm_prices (
    load_id bigint not null,
    customer_key text not null,
    agreed_price numeric(12, 4)
);

-- change: table renamed: marketing.influencers -> marketing.creators
alter table marketing.influencers rename to creators;

-- change: table moved: staging."Legacy Import 2019" -> sales
alter table staging."Legacy Import 2019" set schema sales;

-- change: names exchanged: logistics.citybike_rates <-> logistics.seaway_rates
alter table logistics.citybike_rates rename to exchanged;
alter table logistics.seaway_rates rename to citybike_rates;
alter table logistics.exchanged rename to seaway_rates;

-- change: view created: support.overdue_tickets
create view support.overdue_tickets as
select
    t.ticket_number,
    t.subject,
    now() - t.opened_at as waiting
from support.tickets as t
join support.service_levels as l using (priority)
where t.closed_at is null and now() - t.opened_at > l.resolution;
comment on view support.overdue_tickets is 'What the team lead looks at first';

-- change: view replaced: logistics.open_shipments has one more column
create or replace view logistics.open_shipments as
select
    shipment_id,
    order_id,
    carrier_code,
    tracking_code,
    shipped_at,
    weight_grams
from logistics.shipments
where delivered_at is null;

-- change: view dropped: marketing.campaign_cost
drop view marketing.campaign_cost;

-- change: materialized view created: analytics.best_customers
create materialized view analytics.best_customers as
select
    customer_id,
    sum(order_total) as revenue
from sales.orders
group by customer_id
order by revenue desc
limit 100;

-- change: function body changed: sales.shipping_cost(integer)
create or replace function sales.shipping_cost(weight_grams integer) returns numeric
    language sql immutable
    return case when weight_grams > 5000 then 9.90 else 4.90 end;

-- change: function renamed: public.distance_km -> public.distance_in_km
alter function public.distance_km(point, point) rename to distance_in_km;

-- change: function dropped: inventory.check_digit
drop function inventory.check_digit(text);

-- change: procedures created: support.close_ticket, staging.start_load
create procedure support.close_ticket(wanted bigint, stars smallint default null)
    language plpgsql
    as $$
    begin
        update support.tickets
        set
            closed_at = now(),
            satisfaction = stars
        where ticket_number = wanted;
    end
    $$;
create procedure staging.start_load(source text, inout load bigint default null)
    language sql
    as $$ insert into staging.loads (source_system) values (source) returning load_id $$;

-- change: aggregate comment changed: analytics.largest
comment on aggregate analytics.largest(numeric) is 'Deprecated: use max';

-- change: foreign key dropped: support.tickets -> sales.orders
alter table support.tickets drop constraint tickets_order_fk;

-- change: primary key added: inventory.write_offs becomes write_off_id, product_id
alter table inventory.write_offs drop constraint write_offs_pkey;
alter table inventory.write_offs add primary key (write_off_id, product_id);

-- change: identity added: logistics.shipment_lines.line_number
alter table logistics.shipment_lines alter column line_number add generated always as identity;

-- change: type renamed: hr.employment_kind -> hr.contract_kind (a column prints it)
alter type hr.employment_kind rename to contract_kind;

-- change: value added to a type: support.ticket_priority
alter type support.ticket_priority add value 'critical' after 'urgent';

-- change: sequence renamed: support.ticket_number_seq (a default prints it)
alter sequence support.ticket_number_seq rename to ticket_numbers;

-- change: collation changed: public.languages.name
alter table public.languages alter column name type text collate "C";

-- change: partition attached: analytics.events_2025_11
create table analytics.events_2025_11 (like analytics.events including defaults);
alter table analytics.events
    attach partition analytics.events_2025_11
    for values from ('2025-11-01 00:00:00+00') to ('2025-12-01 00:00:00+00');

-- change: partition detached: analytics.events_2024_01
alter table analytics.events detach partition analytics.events_2024_01;

-- change: column added to a partitioned table: analytics.events.referrer
alter table analytics.events add column referrer text;

-- change: column added to a whole family: inventory.count_*_2025.approved_by
alter table inventory.count_ber_2025 add column approved_by text;
alter table inventory.count_lyo_2025 add column approved_by text;
alter table inventory.count_mad_2025 add column approved_by text;
alter table inventory.count_waw_2025 add column approved_by text;
alter table inventory.count_lon_2025 add column approved_by text;
alter table inventory.count_nyc_2025 add column approved_by text;
alter table inventory.count_sao_2025 add column approved_by text;
alter table inventory.count_tyo_2025 add column approved_by text;

-- change: schema created with two tables: loyalty
create schema loyalty;
comment on schema loyalty is 'Points and rewards';
create table loyalty.accounts (
    customer_id bigint primary key references public.customers (customer_id),
    points integer not null default 0,
    tier character varying(10) not null default 'bronze'
);
create table loyalty.bookings (
    booking_id bigint generated always as identity primary key,
    customer_id bigint not null references loyalty.accounts (customer_id),
    points integer not null,
    booked_at timestamp with time zone not null default now()
);

-- change: schema comment changed: staging
comment on schema staging is 'Raw loads; emptied on Sundays';
