"""The sink `parquet`: changes as one table of files, for one's own loader."""
