-- Grants: owner of an empty database. PostgreSQL 14 or newer.
-- Schemas finance and hr: money and people.

create table finance.accounts (
    account_code character varying(8) primary key,
    name text not null,
    kind character varying(12) not null check (kind in ('asset', 'liability', 'income', 'expense')),
    active boolean not null default true
);
comment on table finance.accounts is 'Chart of accounts';

create table finance.cost_centres (
    cost_centre_code character varying(6) primary key,
    name text not null,
    parent_code character varying(6) references finance.cost_centres (cost_centre_code)
);

create table finance.invoices (
    invoice_number text primary key default finance.next_invoice_number(),
    order_id bigint references sales.orders (order_id),
    customer_id bigint not null references public.customers (customer_id),
    issued_on date not null default public.today_utc(),
    due_on date,
    net_amount public.money_amount not null,
    tax_amount public.money_amount not null,
    gross_amount numeric(13, 2) generated always as (net_amount + tax_amount) stored,
    currency public.currency_code not null default 'EUR',
    reference character varying(60)
);
comment on table finance.invoices is 'Bills we wrote';
comment on column finance.invoices.reference is 'As printed on the bill';

create table finance.invoice_lines (
    invoice_number text not null references finance.invoices (invoice_number) on delete cascade,
    line_number smallint not null,
    description text not null,
    net_amount public.money_amount not null,
    tax_percent public.percentage not null,
    primary key (invoice_number, line_number)
);

create table finance.supplier_bills (
    bill_id bigint generated always as identity primary key,
    supplier_id integer not null references public.suppliers (supplier_id),
    purchase_order_id bigint references inventory.purchase_orders (purchase_order_id),
    billed_on date not null,
    amount public.money_amount not null,
    approved boolean
);

create table finance.bank_accounts (
    iban character varying(34) primary key,
    bank_name text,
    currency public.currency_code not null
);

create table finance.bank_transactions (
    transaction_id bigint generated always as identity primary key,
    iban character varying(34) not null references finance.bank_accounts (iban),
    booked_on date not null,
    amount numeric(14, 2) not null,
    purpose text,
    matched_invoice text references finance.invoices (invoice_number)
);

create table finance.exchange_rates (
    currency public.currency_code not null,
    quoted_on date not null,
    rate_to_eur numeric(18, 8) not null,
    primary key (currency, quoted_on)
);
comment on table finance.exchange_rates is 'Daily reference rates';

create table finance.budgets (
    cost_centre_code character varying(6) not null
        references finance.cost_centres (cost_centre_code),
    year smallint not null,
    amount numeric(14, 2) not null,
    spent numeric(14, 2) not null default 0,
    primary key (cost_centre_code, year)
);

create table finance.fixed_assets (
    asset_id integer generated always as identity primary key,
    description text not null,
    bought_on date not null,
    price public.money_amount not null,
    useful_life interval year to month
);

create table finance.tax_returns (
    country public.country_code not null,
    period daterange not null,
    filed_on date,
    amount numeric(14, 2),
    primary key (country, period)
);

create table hr.departments (
    department_id integer generated always as identity primary key,
    name text not null unique,
    cost_centre_code character varying(6) references finance.cost_centres (cost_centre_code)
);
comment on table hr.departments is 'Who works together';

create table hr.positions (
    position_id integer generated always as identity primary key,
    title text not null,
    department_id integer references hr.departments (department_id),
    salary_band int4range
);

create table hr.employees (
    employee_id integer generated always as identity primary key,
    first_name text not null,
    last_name text not null,
    email public.email_address,
    position_id integer references hr.positions (position_id),
    manager_id integer references hr.employees (employee_id),
    store_id integer references public.stores (store_id),
    employment hr.employment_kind not null default 'permanent',
    hired_on date not null,
    left_on date,
    pager_number character varying(20),
    emergency_contact jsonb
);
comment on table hr.employees is 'Everybody on the payroll, now or before';
comment on column hr.employees.emergency_contact is 'Personal data; delete on leaving';

create table hr.absences (
    absence_id bigint generated always as identity primary key,
    employee_id integer not null references hr.employees (employee_id),
    during daterange not null,
    kind character varying(20) not null,
    approved boolean
);

create table hr.shifts (
    shift_id bigint generated always as identity primary key,
    employee_id integer not null references hr.employees (employee_id),
    store_id integer references public.stores (store_id),
    starts_at timestamp without time zone not null,
    ends_at timestamp without time zone not null,
    check (ends_at > starts_at)
);

create table hr.trainings (
    training_id integer generated always as identity primary key,
    title text not null,
    valid_for interval,
    mandatory boolean not null default false
);

create table hr.training_records (
    employee_id integer not null references hr.employees (employee_id),
    training_id integer not null references hr.trainings (training_id),
    completed_on date not null,
    certificate bytea,
    primary key (employee_id, training_id, completed_on)
);

create table hr.applications (
    application_id bigint generated always as identity primary key,
    position_id integer references hr.positions (position_id),
    applicant_name text not null,
    received_on date not null default public.today_utc(),
    stage character varying(20) not null default 'received'
);

create table hr.salaries (
    employee_id integer not null references hr.employees (employee_id),
    valid_from date not null,
    monthly_gross money not null,
    primary key (employee_id, valid_from)
);
comment on table hr.salaries is 'Restricted';
