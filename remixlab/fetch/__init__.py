"""`remixlab fetch`: a suite's files from the hub, known before and checked after."""
