"""``connections.yaml``: frozen models, how they are found and read, and mistakes with their place.

Nothing connects to anything here.
"""
