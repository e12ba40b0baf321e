"""The sink `webhook`: what changed, posted as signed JSON or as a text for a chat."""
