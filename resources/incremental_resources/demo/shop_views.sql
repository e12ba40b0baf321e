-- Grants: owner of an empty database. PostgreSQL 14 or newer.
-- Views and materialized views, some on top of others.

create view public.active_products as
select
    p.product_id,
    p.sku,
    p.name,
    b.name as brand,
    c.name as category,
    p.list_price
from public.products as p
left join public.brands as b on b.brand_id = p.brand_id
left join public.categories as c on c.category_id = p.category_id
where p.discontinued_on is null;
comment on view public.active_products is 'What the web shop may show';

create view public.customer_contacts as
select
    customer_id,
    full_name,
    email
from public.customers
where not blocked;

create recursive view public.category_tree (category_id, name, depth) as
select
    category_id,
    name,
    0
from public.categories
where parent_id is null
union all
select
    c.category_id,
    c.name,
    t.depth + 1
from public.categories as c
join category_tree as t on t.category_id = c.parent_id;

create view sales.open_orders as
select *
from sales.orders
where status in ('placed', 'paid', 'packed');
comment on view sales.open_orders is 'Orders that somebody still waits for';

create view sales.order_summary as
select
    o.order_id,
    o.order_number,
    o.placed_on,
    o.status,
    c.full_name as customer,
    o.order_total,
    count(l.line_number) as lines
from sales.orders as o
join public.customers as c using (customer_id)
left join sales.order_lines as l using (order_id)
group by o.order_id, c.full_name;

create view sales.late_orders with (security_barrier = true) as
select
    order_id,
    order_number,
    placed_on
from sales.open_orders
where placed_on < public.today_utc() - 7;

create view sales.all_archives_2022 as
select * from sales.orders_archive_2022_10
union all
select * from sales.orders_archive_2022_11
union all
select * from sales.orders_archive_2022_12;

create view inventory.low_stock as
select
    s.warehouse_code,
    s.product_id,
    s.available,
    r.reorder_quantity
from inventory.stock_levels as s
join inventory.reorder_rules as r using (product_id, warehouse_code)
where s.available < r.reorder_point::integer;

create view inventory.stock_value as
select
    s.warehouse_code,
    sum(s.on_hand * p.list_price) as value
from inventory.stock_levels as s
join public.products as p using (product_id)
group by s.warehouse_code;

create view logistics.open_shipments as
select
    shipment_id,
    order_id,
    carrier_code,
    tracking_code,
    shipped_at
from logistics.shipments
where delivered_at is null;

create view finance.unpaid_invoices as
select
    i.invoice_number,
    i.customer_id,
    i.due_on,
    i.gross_amount
from finance.invoices as i
where not exists (
    select from finance.bank_transactions as t
    where t.matched_invoice = i.invoice_number
);

create view finance.budget_use as
select
    cost_centre_code,
    year,
    round(100 * spent / nullif(amount, 0), 1) as percent_used
from finance.budgets;

create view hr.org_chart as
select
    e.employee_id,
    e.first_name || ' ' || e.last_name as employee,
    m.first_name || ' ' || m.last_name as manager,
    p.title
from hr.employees as e
left join hr.employees as m on m.employee_id = e.manager_id
left join hr.positions as p on p.position_id = e.position_id
where e.left_on is null;

create view marketing.campaign_cost as
select
    c.campaign_id,
    c.name,
    sum(r.cost) as cost,
    sum(r.clicks) as clicks
from marketing.campaigns as c
join marketing.results_2024_q4_search as r using (campaign_id)
group by c.campaign_id;

create view support.open_tickets as
select
    ticket_number,
    priority,
    subject,
    opened_at
from support.tickets
where closed_at is null;

create view analytics.conversion as
select
    date_trunc('week', started_at) as week,
    count(*) as sessions,
    avg(converted::integer) as rate
from analytics.sessions
group by 1;

create materialized view analytics.revenue_by_country as
select
    c.country,
    o.placed_on,
    sum(o.order_total) as revenue,
    count(*) as orders
from sales.orders as o
join public.customers as c using (customer_id)
group by c.country, o.placed_on;
comment on materialized view analytics.revenue_by_country is 'Refreshed every hour';
create unique index revenue_by_country_key on analytics.revenue_by_country (country, placed_on);

create materialized view analytics.product_ratings as
select
    product_id,
    avg(stars)::numeric(3, 2) as rating,
    count(*) as reviews
from support.reviews
group by product_id;

create materialized view inventory.turnover as
select
    product_id,
    sum(abs(quantity)) as moved
from inventory.stock_movements
group by product_id
with no data;
