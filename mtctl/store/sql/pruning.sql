-- Which files of a table a query cannot see a row of.

-- name: file_bounds
SELECT f.path, f.path_is_relative, t.path, x.min_value, x.max_value, x.null_count
FROM lake_table_of l
JOIN ducklake_table t ON t.table_id = l.lake_table_id
  AND t.begin_snapshot <= :snapshot AND (t.end_snapshot IS NULL OR t.end_snapshot > :snapshot)
JOIN ducklake_data_file f ON f.table_id = l.lake_table_id
  AND f.begin_snapshot <= :snapshot AND (f.end_snapshot IS NULL OR f.end_snapshot > :snapshot)
JOIN ducklake_file_column_stats x ON x.data_file_id = f.data_file_id AND x.column_id = :field
WHERE l.table_id = :table_id AND x.min_value IS NOT NULL AND x.max_value IS NOT NULL
