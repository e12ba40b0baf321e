-- Grants: owner of an empty database. PostgreSQL 14 or newer.
-- Schemas inventory and logistics: what lies where, and how it travels.

create table inventory.warehouses (
    warehouse_code character(3) primary key,
    name text not null,
    country public.country_code not null references public.countries (code),
    capacity_m3 integer,
    temperature_range numrange
);
comment on table inventory.warehouses is 'Buildings that hold stock';

create table inventory.bins (
    warehouse_code character(3) not null references inventory.warehouses (warehouse_code),
    bin_code character varying(12) not null,
    zone character varying(4),
    max_weight_kg numeric(7, 2),
    primary key (warehouse_code, bin_code)
);

create table inventory.stock_levels (
    warehouse_code character(3) not null references inventory.warehouses (warehouse_code),
    product_id bigint not null references public.products (product_id),
    on_hand inventory.quantity not null default 0,
    reserved inventory.quantity not null default 0,
    available integer generated always as (on_hand::integer - reserved::integer) stored,
    counted_at timestamp with time zone,
    primary key (warehouse_code, product_id)
);
comment on table inventory.stock_levels is 'Present stock per warehouse';
comment on column inventory.stock_levels.available is 'On hand less reserved';

create table inventory.stock_movements (
    movement_id bigint generated always as identity,
    product_id bigint not null,
    warehouse_code character(3) not null,
    quantity integer not null,
    moved_at timestamp with time zone not null default now(),
    reason character varying(30),
    primary key (movement_id, product_id)
) partition by hash (product_id);
comment on table inventory.stock_movements is 'Every change of stock, spread over four partitions';
create table inventory.stock_movements_0 partition of inventory.stock_movements
    for values with (modulus 4, remainder 0);
create table inventory.stock_movements_1 partition of inventory.stock_movements
    for values with (modulus 4, remainder 1);
create table inventory.stock_movements_2 partition of inventory.stock_movements
    for values with (modulus 4, remainder 2);
create table inventory.stock_movements_3 partition of inventory.stock_movements
    for values with (modulus 4, remainder 3);

create table inventory.reservations (
    reservation_id bigint generated always as identity primary key,
    order_id bigint not null references sales.orders (order_id),
    product_id bigint not null references public.products (product_id),
    warehouse_code character(3) not null references inventory.warehouses (warehouse_code),
    quantity inventory.quantity not null,
    expires_at timestamp with time zone
);

create table inventory.purchase_orders (
    purchase_order_id bigint generated always as identity primary key,
    supplier_id integer not null references public.suppliers (supplier_id),
    warehouse_code character(3) not null references inventory.warehouses (warehouse_code),
    ordered_on date not null default public.today_utc(),
    expected_on date,
    closed boolean not null default false
);

create table inventory.purchase_order_lines (
    purchase_order_id bigint not null
        references inventory.purchase_orders (purchase_order_id) on delete cascade,
    line_number smallint not null,
    product_id bigint not null references public.products (product_id),
    quantity inventory.quantity not null,
    unit_cost numeric(10, 4) not null,
    primary key (purchase_order_id, line_number)
);

create table inventory.goods_receipts (
    receipt_id bigint generated always as identity primary key,
    purchase_order_id bigint references inventory.purchase_orders (purchase_order_id),
    received_at timestamp with time zone not null default now(),
    received_by text,
    damage_report xml
);

create table inventory.batches (
    batch_code character varying(20) primary key,
    product_id bigint not null references public.products (product_id),
    produced_on date,
    best_before date
);
comment on table inventory.batches is 'Production batches, for recalls';

create table inventory.reorder_rules (
    product_id bigint not null references public.products (product_id),
    warehouse_code character(3) not null references inventory.warehouses (warehouse_code),
    reorder_point inventory.quantity not null,
    reorder_quantity inventory.quantity not null,
    active boolean not null default true,
    primary key (product_id, warehouse_code)
);

create table inventory.write_offs (
    write_off_id bigint generated always as identity primary key,
    product_id bigint not null,
    quantity inventory.quantity not null,
    reason text,
    approved_by text
);

create table logistics.carriers (
    carrier_code character varying(10) primary key,
    name text not null,
    tracking_url_template text,
    active boolean not null default true
);
comment on table logistics.carriers is 'Who drives for us';

create table logistics.shipments (
    shipment_id bigint primary key default nextval('logistics.shipment_number_seq'::regclass),
    order_id bigint not null references sales.orders (order_id),
    warehouse_code character(3) references inventory.warehouses (warehouse_code),
    carrier_code character varying(10) references logistics.carriers (carrier_code),
    tracking_code character varying(40),
    shipped_at timestamp with time zone,
    delivered_at timestamp with time zone,
    transit_time interval generated always as (delivered_at - shipped_at) stored,
    weight_grams integer,
    fax_number character varying(30)
);
comment on table logistics.shipments is 'Parcels and pallets on their way';
comment on column logistics.shipments.fax_number is 'Nobody knows why';

create table logistics.shipment_lines (
    shipment_id bigint not null references logistics.shipments (shipment_id) on delete cascade,
    order_id bigint not null,
    line_number smallint not null,
    quantity smallint not null,
    primary key (shipment_id, order_id, line_number)
);

create table logistics.tracking_events (
    shipment_id bigint not null,
    region text not null,
    occurred_at timestamp with time zone not null,
    event_code character(4) not null,
    place text,
    payload jsonb
) partition by list (region);
comment on table logistics.tracking_events is 'What carriers report; by region, then by year';
create table logistics.tracking_events_emea partition of logistics.tracking_events
    for values in ('EMEA') partition by range (occurred_at);
create table logistics.tracking_events_emea_2024 partition of logistics.tracking_events_emea
    for values from ('2024-01-01') to ('2025-01-01');
create table logistics.tracking_events_emea_2025 partition of logistics.tracking_events_emea
    for values from ('2025-01-01') to ('2026-01-01');
create table logistics.tracking_events_other partition of logistics.tracking_events default;

create table logistics.delivery_slots (
    slot_id integer generated always as identity primary key,
    postal_code_prefix character varying(5) not null,
    weekday smallint not null,
    starts_at time with time zone not null,
    ends_at time with time zone not null,
    capacity smallint not null default 20
);

create table logistics.drivers (
    driver_id integer generated always as identity primary key,
    name text not null,
    licence_classes text[] not null default array['B'],
    phone character varying(30)
);

create table logistics.vehicles (
    licence_plate character varying(12) primary key,
    driver_id integer references logistics.drivers (driver_id),
    payload_kg integer,
    electric boolean not null default false,
    mac_address macaddr
);

create table logistics.routes (
    route_id integer generated always as identity primary key,
    licence_plate character varying(12) references logistics.vehicles (licence_plate),
    driven_on date not null,
    stops integer[] not null default '{}'
);

create table logistics.packaging (
    packaging_code character varying(8) primary key,
    description text,
    volume_litres real,
    cost double precision
);

create table logistics.customs_declarations (
    declaration_id bigint generated always as identity primary key,
    shipment_id bigint not null references logistics.shipments (shipment_id),
    tariff_code character varying(12) not null,
    declared_value public.money_amount not null,
    document xml
);
