"""mtctl keeps materialized tables fresh: one SELECT per table, every interval refreshed exactly once.

The version is a literal: reading it from package metadata costs more than a whole bare command.
"""

__version__ = "0.1.0"
