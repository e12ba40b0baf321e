"""SQL servers as sources of metadata: dialects, sessions, queries."""
