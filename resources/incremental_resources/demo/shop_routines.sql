-- Grants: owner of an empty database. PostgreSQL 14 or newer.
-- Functions, procedures, aggregates and a trigger.

create function sales.order_weight(wanted bigint) returns integer
    language sql stable
    as $$
        select coalesce(sum(l.quantity * p.weight_grams), 0)::integer
        from sales.order_lines as l
        join public.products as p using (product_id)
        where l.order_id = wanted
    $$;
comment on function sales.order_weight(bigint) is 'In grams, without packaging';

create function sales.shipping_cost(weight_grams integer, country public.country_code)
    returns numeric
    language plpgsql immutable
    as $$
    begin
        if country = 'DE' then
            return 4.90;
        end if;
        return 9.90 + weight_grams / 1000;
    end
    $$;

-- The same name with other arguments.
create function sales.shipping_cost(weight_grams integer) returns numeric
    language sql immutable
    return 4.90;

create function sales.log_status_change() returns trigger
    language plpgsql
    as $$
    begin
        insert into sales.order_status_changes (order_id, status)
        values (new.order_id, new.status);
        return new;
    end
    $$;
create trigger orders_status_changed
    after update of status on sales.orders
    for each row
    when (old.status is distinct from new.status)
    execute function sales.log_status_change();

create function public.customers_of(wanted public.country_code)
    returns table (customer_id bigint, full_name text)
    language sql stable
    as $$ select customer_id, full_name from public.customers where country = wanted $$;

create function public.distance_km(a point, b point) returns double precision
    language sql immutable parallel safe
    return 111.2 * (a <-> b);

create function finance.to_eur(amount numeric, currency public.currency_code, quoted date)
    returns numeric
    language sql stable
    as $$
        select amount / rate_to_eur
        from finance.exchange_rates as r
        where r.currency = to_eur.currency and r.quoted_on <= quoted
        order by r.quoted_on desc
        limit 1
    $$;

create function finance.net_of(gross numeric, tax_percent numeric, out net numeric, out tax numeric)
    language plpgsql immutable
    as $$
    begin
        net := round(gross / (1 + tax_percent / 100), 2);
        tax := gross - net;
    end
    $$;

create function hr.years_of_service(hired date, variadic pauses integer[] default '{}')
    returns numeric
    language sql stable
    as $$
        select extract(year from age(hired))
            - coalesce((select sum(p) from unnest(pauses) as p), 0) / 365
    $$;

create function support.next_free_agent(wanted_language text) returns setof support.agents
    language sql stable rows 5
    as $$ select * from support.agents where on_shift and wanted_language = any (languages) $$;

create function inventory.check_digit(barcode text) returns integer
    language plpgsql immutable strict
    as $$
    declare
        total integer := 0;
    begin
        for place in 1..12
        loop
            total := total + substr(barcode, place, 1)::integer * (3 - 2 * (place % 2));
        end loop;
        return (10 - total % 10) % 10;
    end
    $$;

create procedure sales.cancel_order(wanted bigint, reason text default null)
    language plpgsql
    as $$
    begin
        update sales.orders
        set
            status = 'cancelled',
            remark = coalesce(reason, remark)
        where order_id = wanted;
    end
    $$;
comment on procedure sales.cancel_order(bigint, text) is 'Does not refund; see finance';

create procedure inventory.book_movement(
    product bigint,
    warehouse text,
    amount integer,
    inout new_level integer default null
)
    language plpgsql
    as $$
    begin
        insert into inventory.stock_movements (product_id, warehouse_code, quantity)
        values (product, warehouse, amount);
        update inventory.stock_levels
        set on_hand = on_hand + amount
        where product_id = product and warehouse_code = warehouse
        returning on_hand into new_level;
    end
    $$;

create procedure analytics.refresh_all()
    language plpgsql
    as $$
    begin
        refresh materialized view analytics.revenue_by_country;
        refresh materialized view analytics.product_ratings;
        refresh materialized view inventory.turnover;
    end
    $$;

create procedure staging.forget_loads(older_than interval)
    language sql
    as $$ delete from staging.loads where finished_at < now() - older_than $$;

create function analytics.keep_larger(seen numeric, value numeric) returns numeric
    language sql immutable
    return greatest(seen, value);

create aggregate analytics.largest(numeric) (
    sfunc = analytics.keep_larger,
    stype = numeric,
    parallel = safe,
    combinefunc = analytics.keep_larger
);
comment on aggregate analytics.largest(numeric) is 'Like max, but ours';

create function analytics.add_weighted(total numeric[], value numeric, weight numeric)
    returns numeric[]
    language sql immutable
    return array[total[1] + value * weight, total[2] + weight];

create function analytics.divide_weighted(total numeric[]) returns numeric
    language sql immutable
    return total[1] / nullif(total[2], 0);

create aggregate analytics.weighted_average(value numeric, weight numeric) (
    sfunc = analytics.add_weighted,
    stype = numeric[],
    finalfunc = analytics.divide_weighted,
    initcond = '{0,0}'
);
