"""Where versions are published: what a sink is, which kinds there are, one folder for each kind."""
