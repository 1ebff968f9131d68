"""What other programs and people talk to: the Remix HTTP API, and the playground.

`app.py` has the routes, `worker.py` the one thread that owns the model, `fetch.py` the only way
to other servers, `auth.py` the keys; `playground/` is a page of its own.
"""
