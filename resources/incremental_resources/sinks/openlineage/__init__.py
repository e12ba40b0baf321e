"""The sink `openlineage`: dataset events with schema and life cycle."""
