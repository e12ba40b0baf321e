"""States that a release has written, kept as they are: later releases must go on with them."""
