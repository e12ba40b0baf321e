"""The sink `atlan`: entities as JSON lines, in the layout of the reference system."""
