-- Grants: owner of an empty database. PostgreSQL 14 or newer.
-- Schemas marketing, support, analytics and staging: what customers do and say.

create table marketing.campaigns (
    campaign_id integer generated always as identity primary key,
    name text not null,
    channel character varying(20) not null,
    budget public.money_amount not null,
    runs_during daterange,
    landing_page text,
    tags text[] not null default '{}'
);
comment on table marketing.campaigns is 'Everything we paid to be seen';

create table marketing.ad_groups (
    ad_group_id bigint generated always as identity primary key,
    campaign_id integer not null references marketing.campaigns (campaign_id),
    name text not null,
    bid_amount numeric(8, 4)
);

create table marketing.vouchers (
    code character varying(16) primary key,
    campaign_id integer references marketing.campaigns (campaign_id),
    percent_off public.percentage,
    single_use boolean not null default true,
    expires_on date
);

create table marketing.voucher_redemptions (
    code character varying(16) not null references marketing.vouchers (code),
    order_id bigint not null references sales.orders (order_id),
    redeemed_at timestamp with time zone not null default now(),
    primary key (code, order_id)
);

create table marketing.newsletters (
    newsletter_id integer generated always as identity primary key,
    subject text not null,
    body_html text,
    sent_at timestamp with time zone
);

create table marketing.newsletter_subscribers (
    email public.email_address primary key,
    customer_id bigint references public.customers (customer_id),
    subscribed_at timestamp with time zone not null default now(),
    confirmed boolean not null default false
);

create table marketing.referrals (
    referrer_id bigint not null references public.customers (customer_id),
    referred_id bigint not null references public.customers (customer_id),
    referred_at timestamp with time zone not null default now(),
    primary key (referrer_id, referred_id)
);

create table marketing.influencers (
    influencer_id integer generated always as identity primary key,
    handle text not null,
    platform character varying(20) not null,
    followers bigint,
    "Rate Card €" money
);
comment on column marketing.influencers."Rate Card €" is 'Per post; came from a spreadsheet';

create table support.agents (
    agent_id integer generated always as identity primary key,
    employee_id integer references hr.employees (employee_id),
    languages text[] not null default array['en'],
    on_shift boolean not null default false
);

create table support.tickets (
    ticket_number bigint primary key default nextval('support.ticket_number_seq'::regclass),
    customer_id bigint references public.customers (customer_id),
    order_id bigint constraint tickets_order_fk references sales.orders (order_id),
    agent_id integer references support.agents (agent_id),
    priority support.ticket_priority not null default 'normal',
    subject character varying(120) not null,
    body text,
    opened_at timestamp with time zone not null default now(),
    closed_at timestamp with time zone,
    satisfaction smallint
);
comment on table support.tickets is 'Questions and complaints';
comment on column support.tickets.satisfaction is '1 to 5, asked after closing';

create table support.ticket_messages (
    message_id bigint generated always as identity primary key,
    ticket_number bigint not null references support.tickets (ticket_number) on delete cascade,
    from_customer boolean not null,
    sent_at timestamp with time zone not null default now(),
    body text not null
);

create table support.canned_answers (
    answer_code character varying(20) primary key,
    language_code character varying(8) references public.languages (code),
    body text not null
);

create table support.reviews (
    review_id bigint generated always as identity primary key,
    product_id bigint not null references public.products (product_id),
    customer_id bigint references public.customers (customer_id),
    stars smallint not null check (stars between 1 and 5),
    body text,
    body_words tsvector generated always as (to_tsvector('simple', coalesce(body, ''))) stored,
    written_at timestamp with time zone not null default now()
);
comment on table support.reviews is 'Stars and words of customers';

create table support.service_levels (
    priority support.ticket_priority primary key,
    first_answer interval not null,
    resolution interval not null
);

create table analytics.events (
    event_id bigint generated always as identity,
    occurred_at timestamp with time zone not null,
    session_id uuid not null,
    customer_id bigint,
    event_name character varying(60) not null,
    page text,
    device jsonb,
    client_address inet,
    primary key (event_id, occurred_at)
) partition by range (occurred_at);
comment on table analytics.events is 'Clicks; one partition per month';

create table analytics.sessions (
    session_id uuid primary key,
    customer_id bigint,
    started_at timestamp with time zone not null,
    pages integer not null default 1,
    converted boolean not null default false
);

create table analytics.experiments (
    experiment_id integer generated always as identity primary key,
    name text not null,
    hypothesis text,
    started_on date,
    significance double precision
);

create table analytics.experiment_assignments (
    experiment_id integer not null references analytics.experiments (experiment_id),
    session_id uuid not null,
    variant character(1) not null,
    primary key (experiment_id, session_id)
);

create table analytics.customer_value (
    customer_id bigint primary key,
    orders_count integer not null,
    revenue numeric(14, 2) not null,
    churn_score real
);
comment on table analytics.customer_value is 'Rebuilt every night';

create unlogged table staging.load_errors (
    load_id bigint not null,
    line_number bigint not null,
    message text,
    raw text
);

create table staging.loads (
    load_id bigint generated always as identity primary key,
    source_system text not null,
    file_name text,
    started_at timestamp with time zone not null default now(),
    finished_at timestamp with time zone,
    row_count bigint
);

create table staging."Legacy Import 2019" (
    "Customer #" integer,
    "Name / Firm" text,
    "% Discount" numeric(4, 1),
    "Kommentar" text
);
comment on table staging."Legacy Import 2019" is 'Handed over on a stick. Keep until the audit';
