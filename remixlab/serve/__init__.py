"""What other programs and people talk to: the HTTP API and the playground."""
