-- Grants: owner of an empty database. PostgreSQL 14 or newer.
-- A few rows, so that counts and sizes are not all zero.

insert into public.currencies (code, name)
select
    code,
    code::text
from unnest(enum_range(null::public.currency_code)) as code;

insert into public.countries (code, name, currency, vat_rate, in_eu)
values
    ('DE', 'Germany', 'EUR', 19, true),
    ('FR', 'France', 'EUR', 20, true),
    ('GB', 'United Kingdom', 'GBP', 20, false),
    ('US', 'United States', 'USD', null, false),
    ('JP', 'Japan', 'JPY', 10, false),
    ('SE', 'Sweden', 'SEK', 25, true);

insert into public.brands (name)
select 'Brand ' || chr(64 + n)
from generate_series(1, 20) as n;

insert into public.categories (name)
values ('Kitchen'), ('Garden'), ('Toys'), ('Books');

insert into public.products (sku, name, brand_id, category_id, list_price, weight_grams)
select
    'SKU-' || lpad(n::text, 6, '0'),
    'Product ' || n,
    1 + n % 20,
    1 + n % 4,
    5 + n % 200,
    100 + n % 5000
from generate_series(1, 2000) as n;

insert into public.customers (email, first_name, last_name, country)
select
    'customer' || n || '@example.com',
    'First' || n % 100,
    'Last' || n % 300,
    (array['DE', 'FR', 'GB', 'US', 'JP', 'SE'])[1 + n % 6]
from generate_series(1, 1000) as n;

insert into sales.orders (customer_id, placed_at, goods_total, shipping_total)
select
    1 + n % 1000,
    timestamp with time zone '2025-01-01 00:00:00+00' + n * interval '1 hour',
    10 + n % 300,
    4.90
from generate_series(1, 3000) as n;

insert into sales.order_lines (order_id, line_number, product_id, unit_price)
select
    order_id,
    1,
    1 + order_id % 2000,
    goods_total
from sales.orders;

insert into support.reviews (product_id, customer_id, stars)
select
    1 + n % 2000,
    1 + n % 1000,
    1 + n % 5
from generate_series(1, 1000) as n;

insert into analytics.events (occurred_at, session_id, event_name)
select
    timestamp with time zone '2024-01-01 00:00:00+00' + n * interval '10 hours',
    gen_random_uuid(),
    'view'
from generate_series(1, 1500) as n;

refresh materialized view analytics.revenue_by_country;
refresh materialized view analytics.product_ratings;

analyze
    public.products,
    public.customers,
    sales.orders,
    sales.order_lines,
    support.reviews,
    analytics.events;
