"""SQLite files, through the driver of the standard library."""
