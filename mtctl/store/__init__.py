"""Floor 2. The state file: SQLite through apsw, with the DuckLake catalog beside mtctl's own tables.

`connection.create` and `connection.open_store` are the two ways in. Nothing here imports duckdb or the stdlib's
sqlite3: a process that holds the file with one SQLite library and opens it with another loses acknowledged commits.
"""
