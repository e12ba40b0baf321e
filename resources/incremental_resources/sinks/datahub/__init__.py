"""The sink `datahub`: metadata change proposals, to files or a server."""
