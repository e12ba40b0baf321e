-- Grants: owner of an empty database. PostgreSQL 14 or newer.
-- Schema sales: from the basket to the return.

create table sales.baskets (
    basket_id uuid primary key default gen_random_uuid(),
    customer_id bigint references public.customers (customer_id),
    channel public.sales_channel not null default 'web',
    created_at timestamp with time zone not null default now(),
    expires_at timestamp with time zone not null default now() + interval '30 days'
);

create table sales.basket_lines (
    basket_id uuid not null references sales.baskets (basket_id) on delete cascade,
    line_number smallint not null,
    product_id bigint not null references public.products (product_id),
    quantity smallint not null default 1 check (quantity > 0),
    primary key (basket_id, line_number)
);

create table sales.orders (
    order_id bigint generated always as identity primary key,
    order_number text not null unique default sales.next_order_number('web'),
    customer_id bigint not null references public.customers (customer_id),
    store_id integer references public.stores (store_id),
    channel public.sales_channel not null default 'web',
    status sales.order_status not null default 'placed',
    currency public.currency_code not null default 'EUR',
    placed_at timestamp with time zone not null default now(),
    placed_on date generated always as ((placed_at at time zone 'UTC')::date) stored,
    goods_total public.money_amount not null,
    shipping_total public.money_amount not null,
    order_total numeric(13, 2) generated always as (goods_total + shipping_total) stored,
    shipping_address public.postal_address,
    remark character varying(200)
);
comment on table sales.orders is 'One row per order, whatever the channel';
comment on column sales.orders.order_number is 'What customers quote on the phone';
comment on column sales.orders.goods_total is 'Before shipping, after discounts';
comment on column sales.orders.remark is 'Typed by the customer';
create index orders_customer_idx on sales.orders (customer_id, placed_at desc);
create index orders_open_idx on sales.orders (placed_at) where status in ('placed', 'paid');

create table sales.order_lines (
    order_id bigint not null references sales.orders (order_id) on delete cascade,
    line_number smallint not null,
    product_id bigint not null references public.products (product_id),
    variant_id bigint references public.product_variants (variant_id),
    quantity smallint not null default 1,
    unit_price numeric(10, 2) not null,
    discount_percent public.percentage not null default 0,
    line_total numeric(12, 2) generated always as (
        round(quantity * unit_price * (1 - discount_percent::numeric / 100), 2)
    ) stored,
    primary key (order_id, line_number)
);
comment on table sales.order_lines is 'What was ordered, at the price of that day';

create table sales.order_status_changes (
    order_id bigint not null references sales.orders (order_id) on delete cascade,
    changed_at timestamp with time zone not null default clock_timestamp(),
    status sales.order_status not null,
    changed_by text not null default current_user,
    primary key (order_id, changed_at)
);

create table sales.payments (
    payment_id bigint generated always as identity,
    region text not null,
    order_id bigint not null references sales.orders (order_id),
    method character varying(20) not null,
    amount public.money_amount not null,
    currency public.currency_code not null,
    paid_at timestamp with time zone,
    provider_reference text,
    primary key (payment_id, region)
) partition by list (region);
comment on table sales.payments is 'Money in, by region';
create table sales.payments_emea partition of sales.payments for values in ('EMEA');
create table sales.payments_apac partition of sales.payments for values in ('APAC');
create table sales.payments_amer partition of sales.payments for values in ('NA', 'LATAM');

create table sales.refunds (
    refund_id bigint generated always as identity primary key,
    order_id bigint not null references sales.orders (order_id),
    amount public.money_amount not null,
    reason character varying(80),
    refunded_at timestamp with time zone
);

create table sales.returns (
    return_id bigint generated always as identity primary key,
    order_id bigint not null,
    line_number smallint not null,
    quantity smallint not null,
    reason_code character(3),
    received_on date,
    constraint returns_line_fk foreign key (order_id, line_number)
        references sales.order_lines (order_id, line_number)
);
comment on table sales.returns is 'Goods that came back';

create table sales.return_reasons (
    reason_code character(3) primary key,
    description text not null
);

create table sales.discounts (
    discount_id integer generated always as identity primary key,
    name text not null,
    percent_off public.percentage,
    amount_off public.money_amount,
    valid_during tstzrange not null,
    price_band public.price_range
);

create table sales.gift_cards (
    card_number character(16) primary key,
    initial_amount public.money_amount not null,
    remaining_amount public.money_amount not null,
    pin_hash bytea not null,
    issued_on date not null default public.today_utc()
);
comment on column sales.gift_cards.pin_hash is 'Salted; never the number itself';

create table sales.quotes (
    quote_id bigint generated always as identity primary key,
    customer_id bigint references public.customers (customer_id),
    valid_until date,
    goods_total public.money_amount not null,
    pdf bytea
);

create table sales.subscriptions (
    subscription_id bigint generated always as identity primary key,
    customer_id bigint not null references public.customers (customer_id),
    product_id bigint not null references public.products (product_id),
    every interval not null default '1 mon',
    next_order_on date,
    paused boolean not null default false
);

create table sales.price_lists (
    price_list_id integer generated always as identity primary key,
    name text not null,
    currency public.currency_code not null,
    valid_from date not null,
    valid_to date
);

create table sales.price_list_items (
    price_list_id integer not null references sales.price_lists (price_list_id),
    product_id bigint not null references public.products (product_id),
    price numeric(10, 2) not null,
    primary key (price_list_id, product_id)
);

create table sales.targets (
    country public.country_code not null,
    month date not null,
    revenue_target numeric(14, 2) not null,
    primary key (country, month)
);
