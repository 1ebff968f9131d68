"""Model suites: their description, where their parts come from, and how they are put together."""
