"""The Remix HTTP API on one's own card.

`app.py` has the routes, `worker.py` the one thread that owns the model, `fetch.py` the only way
to other servers, `auth.py` the keys.
"""
