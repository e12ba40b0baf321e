"""The demo's own PostgreSQL server and the shop that lives in it."""
