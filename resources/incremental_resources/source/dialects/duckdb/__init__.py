"""DuckDB files of 1.5 and 2, through DuckDB's own client."""
