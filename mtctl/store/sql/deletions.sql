-- What other clients have deleted from data files: mtctl itself writes no delete file.

-- name: at
-- In every version of the catalog a data file has one of them at a snapshot.
SELECT d.table_id, f.path, f.path_is_relative, d.path, d.path_is_relative, s.path || t.path,
       d.partial_max IS NOT NULL AND d.partial_max > :snapshot, d.format <> 'parquet' OR d.encryption_key IS NOT NULL
FROM ducklake_delete_file d
JOIN ducklake_data_file f ON f.data_file_id = d.data_file_id
JOIN ducklake_table t ON t.table_id = d.table_id
  AND t.begin_snapshot <= :snapshot AND (t.end_snapshot IS NULL OR t.end_snapshot > :snapshot)
JOIN ducklake_schema s ON s.schema_id = t.schema_id
  AND s.begin_snapshot <= :snapshot AND (s.end_snapshot IS NULL OR s.end_snapshot > :snapshot)
WHERE d.table_id IN (SELECT "value" FROM json_each(:lake_table_ids))
  AND d.begin_snapshot <= :snapshot AND (d.end_snapshot IS NULL OR d.end_snapshot > :snapshot)
