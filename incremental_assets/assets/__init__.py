"""The assets of one connection, one factory per module; their bodies fetch, call a rule, return."""
