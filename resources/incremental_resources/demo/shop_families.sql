-- Grants: owner of an empty database. PostgreSQL 14 or newer.
-- Families of tables that a shop grows over the years: one per month, country, carrier, source.

create procedure public.add_family_member(place text, table_name text, body text, remark text)
    language plpgsql
    as $$
    begin
        execute format('create table %I.%I (%s)', place, table_name, body);
        execute format('comment on table %I.%I is %L', place, table_name, remark);
    end
    $$;

-- Partitions of the click stream, one per month.
do $$
declare
    month date;
begin
    for month in select generate_series('2024-01-01'::date, '2025-10-01', '1 month')::date
    loop
        execute format(
            'create table analytics.%I partition of analytics.events for values from (%L) to (%L)',
            'events_' || to_char(month, 'YYYY_MM'),
            month || ' 00:00:00+00',
            (month + interval '1 month')::date || ' 00:00:00+00'
        );
    end loop;
end
$$;

-- Archives, one per month.
do $$
declare
    month date;
    suffix text;
begin
    for month in select generate_series('2021-01-01'::date, '2022-12-01', '1 month')::date
    loop
        suffix := to_char(month, 'YYYY_MM');
        call public.add_family_member('sales', 'orders_archive_' || suffix, '
            order_id bigint primary key,
            order_number character varying(20) not null,
            customer_id bigint,
            status sales.order_status not null,
            placed_at timestamp with time zone not null,
            order_total numeric(13, 2) not null
        ', 'Closed orders of ' || to_char(month, 'FMMonth YYYY'));
        call public.add_family_member('hr', 'payroll_' || suffix, '
            employee_id integer primary key references hr.employees (employee_id),
            gross money not null,
            tax money not null,
            net money generated always as (gross - tax) stored,
            paid_on date
        ', 'Payroll of ' || to_char(month, 'FMMonth YYYY') || '. Restricted');
        if extract(year from month) = 2022 then
            call public.add_family_member('support', 'tickets_archive_' || suffix, '
                ticket_number bigint primary key,
                customer_id bigint,
                subject character varying(120) not null,
                messages jsonb not null default ''[]''::jsonb,
                closed_at timestamp with time zone
            ', 'Closed tickets of ' || to_char(month, 'FMMonth YYYY'));
        end if;
    end loop;
end
$$;

-- One per country.
do $$
declare
    country text;
begin
    foreach country in array
        array['de', 'fr', 'gb', 'us', 'jp', 'br', 'in', 'es', 'it', 'nl', 'pl', 'se']
    loop
        call public.add_family_member('analytics', 'daily_sales_' || country, '
            day date not null,
            channel public.sales_channel not null,
            orders integer not null default 0,
            revenue numeric(14, 2) not null default 0,
            average_basket numeric(12, 2) generated always as (
                case when orders > 0 then revenue / orders end
            ) stored,
            primary key (day, channel)
        ', 'Sales per day and channel, ' || upper(country));
        call public.add_family_member('analytics', 'customer_segments_' || country, '
            segment_id integer generated always as identity primary key,
            name text not null,
            rule jsonb not null,
            customers bigint
        ', 'Customer segments, ' || upper(country));
        call public.add_family_member('finance', 'tax_rates_' || country, '
            tax_code character varying(6) not null,
            valid_from date not null,
            percent public.percentage not null,
            description character varying(80),
            primary key (tax_code, valid_from)
        ', 'Tax rates by law, ' || upper(country));
        call public.add_family_member('marketing', 'audience_' || country, '
            email public.email_address primary key,
            score real,
            last_seen timestamp with time zone,
            interests text[] not null default ''{}''
        ', 'Whom we may write to, ' || upper(country));
    end loop;
end
$$;

-- One per quarter.
do $$
declare
    year integer;
    quarter integer;
    channel text;
begin
    for year, quarter in
        select y, q from generate_series(2023, 2025) as y, generate_series(1, 4) as q
    loop
        call public.add_family_member(
            'analytics', format('product_ranking_%s_q%s', year, quarter), '
            rank integer primary key,
            product_id bigint not null references public.products (product_id),
            units bigint not null,
            revenue numeric(14, 2) not null
        ', format('Best sellers of quarter %s, %s', quarter, year));
        continue when year = 2025;
        foreach channel in array array['search', 'social', 'email', 'affiliate']
        loop
            call public.add_family_member(
                'marketing', format('results_%s_q%s_%s', year, quarter, channel), '
                campaign_id integer not null references marketing.campaigns (campaign_id),
                day date not null,
                impressions bigint not null default 0,
                clicks bigint not null default 0,
                cost numeric(12, 2) not null default 0,
                primary key (campaign_id, day)
            ', format('Results of %s in quarter %s, %s', channel, quarter, year));
        end loop;
    end loop;
end
$$;

-- One per company and year, one per warehouse and year.
do $$
declare
    year integer;
    company text;
    warehouse text;
begin
    for year in select generate_series(2022, 2025)
    loop
        foreach company in array array[
            'holding', 'retail_eu', 'retail_uk', 'retail_us', 'online', 'brazil', 'india', 'japan'
        ]
        loop
            call public.add_family_member('finance', format('ledger_%s_%s', company, year), '
                entry_id bigint generated always as identity primary key,
                booked_on date not null,
                debit_account character varying(8) not null
                    references finance.accounts (account_code),
                credit_account character varying(8) not null
                    references finance.accounts (account_code),
                amount numeric(14, 2) not null check (amount > 0),
                cost_centre_code character varying(6),
                text character varying(100)
            ', format('General ledger of %s, %s', replace(company, '_', ' '), year));
        end loop;
        continue when year = 2022;
        foreach warehouse in array array['ber', 'lyo', 'mad', 'waw', 'lon', 'nyc', 'sao', 'tyo']
        loop
            call public.add_family_member('inventory', format('count_%s_%s', warehouse, year), '
                bin_code character varying(12) not null,
                product_id bigint not null references public.products (product_id),
                counted inventory.quantity not null,
                expected inventory.quantity not null,
                counted_by character varying(40),
                primary key (bin_code, product_id)
            ', format('Stocktaking at %s, %s', upper(warehouse), year));
        end loop;
    end loop;
end
$$;

-- One set per carrier.
do $$
declare
    carrier text;
begin
    foreach carrier in array array[
        'northpost', 'quickvan', 'blueparcel', 'railfreight', 'skycargo', 'citybike', 'depot24',
        'seaway'
    ]
    loop
        call public.add_family_member('logistics', carrier || '_rates', '
            zone character varying(6) not null,
            max_weight_kg numeric(6, 2) not null,
            price numeric(8, 2) not null,
            currency public.currency_code not null default ''EUR'',
            primary key (zone, max_weight_kg)
        ', 'Price list of ' || carrier);
        call public.add_family_member('logistics', carrier || '_zones', '
            country public.country_code not null,
            postal_code_from character varying(10) not null,
            postal_code_to character varying(10) not null,
            zone character varying(6) not null,
            transit_days int4range
        ', 'Delivery zones of ' || carrier);
        call public.add_family_member('logistics', carrier || '_events', '
            event_code character varying(12) primary key,
            meaning character varying(120) not null,
            is_final boolean not null default false
        ', 'What the status codes of ' || carrier || ' mean');
    end loop;
end
$$;

-- Raw loads, one per source system and kind.
do $$
declare
    source text;
    kind text;
begin
    foreach source in array
        array['webshop', 'erp', 'crm', 'pos', 'marketplace', 'helpdesk', 'adserver', 'wms']
    loop
        foreach kind in array
            array['orders', 'customers', 'products', 'prices', 'stock', 'documents']
        loop
            call public.add_family_member('staging', source || '_' || kind, format('
                load_id bigint not null references staging.loads (load_id),
                line_number bigint not null,
                source_key text,
                %I_payload jsonb,
                loaded_at timestamp with time zone not null default now(),
                checksum bytea,
                primary key (load_id, line_number)
            ', kind), format('Raw %s as the %s system sends them', kind, source));
        end loop;
    end loop;
end
$$;

drop procedure public.add_family_member(text, text, text, text);
