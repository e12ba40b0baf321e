"""ClickHouse 24.3 and later: a server over HTTP, or a folder in process by chdb."""
