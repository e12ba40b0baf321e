"""Pictures of the Dagster UI for the README, made from the demo."""
