-- Columns of living tables that change in place.

-- name: end_column_tree
-- A column with all that is in it.
WITH RECURSIVE part (id) AS (
  SELECT :column
  UNION ALL
  SELECT c.column_id FROM ducklake_column c JOIN part p ON c.parent_column = p.id
  WHERE c.table_id = :table AND c.end_snapshot IS NULL)
UPDATE ducklake_column SET end_snapshot = :snapshot
WHERE table_id = :table AND end_snapshot IS NULL AND column_id IN (SELECT id FROM part)

-- name: has_files
SELECT 1 FROM ducklake_data_file WHERE table_id = :table AND end_snapshot IS NULL LIMIT 1

-- name: file_with_nulls
-- A live file that is not known to be without NULL in a column.
SELECT f.data_file_id FROM ducklake_data_file f
WHERE f.table_id = :table AND f.end_snapshot IS NULL AND NOT EXISTS (
  SELECT 1 FROM ducklake_file_column_stats s
  WHERE s.data_file_id = f.data_file_id AND s.column_id = :column AND s.null_count = 0)
LIMIT 1
