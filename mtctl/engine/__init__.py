"""Floor 2. The runner process, where duckdb lives, and the client that talks to it over a pipe.

Only `runner` and what it alone imports may load duckdb; `client` and `wire` never do.
"""
