-- The parts of nested columns: rows of their own in the catalog, under the column that they belong to.

-- name: add_part
INSERT INTO ducklake_column VALUES
  (:column, :snapshot, NULL, :table, :column, :name, :type, NULL, 'NULL', 1, :parent, 'literal', 'duckdb')
