-- Dropped tables, and how one comes back: as a new lake table, its files under second names.

-- name: names
SELECT DISTINCT m.name FROM materialized_table m
WHERE m.dropped_at IS NOT NULL AND m.table_id NOT IN (SELECT shown_id FROM rebuild) AND EXISTS (SELECT 1 FROM ducklake_table t WHERE t.table_id = m.lake_table_id)
ORDER BY m.name

-- name: dropped
SELECT m.table_id, m.dropped_at, m.lake_table_id, m.origin, m.file, t.end_snapshot, s.path || t.path, v.definition
FROM materialized_table m
JOIN table_version v ON v.version_id = m.version_id
JOIN ducklake_table t ON t.table_id = m.lake_table_id AND t.end_snapshot IS NOT NULL
JOIN ducklake_schema s ON s.schema_id = t.schema_id
WHERE m.name = :name AND m.dropped_at IS NOT NULL
ORDER BY m.dropped_at DESC, m.table_id DESC, t.end_snapshot DESC LIMIT 1

-- name: still_dropped
SELECT 1 FROM materialized_table WHERE table_id = :table_id AND dropped_at = :dropped_at

-- name: has_data
SELECT EXISTS (SELECT 1 FROM attempt WHERE table_id = :table_id AND outcome = 'success')

-- name: files
-- Those that end with the table and hold nothing but what the ledger says; under a delete file nobody knows.
SELECT f.data_file_id, f.path FROM ducklake_data_file f
WHERE f.table_id = :lake AND f.end_snapshot = :snapshot AND f.path_is_relative = 1 AND f.mapping_id IS NULL
  AND f.record_count = (SELECT sum(l.rows) FROM ledger l WHERE l.file_id = f.data_file_id
                        AND l.table_id = :table_id AND l.end_snapshot = :snapshot)
  AND NOT EXISTS (SELECT 1 FROM ducklake_delete_file d WHERE d.data_file_id = f.data_file_id
                  AND d.end_snapshot = :snapshot)
ORDER BY f.data_file_id

-- name: held
-- Intervals that end with the table, and the rows of those that are in no file of :files.
SELECT count(*), coalesce(sum(rows > 0 AND file_id NOT IN (SELECT "value" FROM json_each(:files))), 0)
FROM ledger WHERE table_id = :table_id AND end_snapshot = :snapshot

-- name: put_back
UPDATE materialized_table
SET dropped_at = NULL, name = :name, origin = :origin, file = :file, lake_table_id = :lake, folder = :folder,
    file_sha256 = iif(:file IS NULL, NULL, file_sha256), file_size = iif(:file IS NULL, NULL, file_size),
    file_mtime_ns = iif(:file IS NULL, NULL, file_mtime_ns), epoch = epoch + 1
WHERE table_id = :table_id AND dropped_at IS NOT NULL

-- name: reserve_columns
-- Field ids that the files know and no column has any more are never given again: one row that no snapshot shows.
INSERT INTO ducklake_column
SELECT max(column_id), :snapshot, :snapshot, :lake, 0, 'dropped', 'int32', NULL, 'NULL', 1, NULL, 'literal', 'duckdb'
FROM ducklake_column WHERE table_id = :old
HAVING max(column_id) > (SELECT max(column_id) FROM ducklake_column WHERE table_id = :lake)

-- name: copy_file
-- Its rows keep their ids; all of them have come by now, whenever each of them came.
INSERT INTO ducklake_data_file
SELECT :file, :lake, :snapshot, NULL, NULL, :path, 1, file_format, record_count, file_size_bytes, footer_size,
       row_id_start, NULL, encryption_key, NULL, NULL
FROM ducklake_data_file WHERE data_file_id = :old

-- name: copy_stats
INSERT INTO ducklake_file_column_stats
SELECT :file, :lake, column_id, column_size_bytes, value_count, null_count, min_value, max_value, contains_nan,
       extra_stats
FROM ducklake_file_column_stats WHERE data_file_id = :old

-- name: copy_digest
INSERT INTO data_file_digest
SELECT :file, table_id, sha256, attempt_id FROM data_file_digest WHERE data_file_id = :old

-- name: copy_table_stats
UPDATE ducklake_table_stats
SET (record_count, next_row_id, file_size_bytes) =
  (SELECT record_count, next_row_id, file_size_bytes FROM ducklake_table_stats WHERE table_id = :old)
WHERE table_id = :lake AND EXISTS (SELECT 1 FROM ducklake_table_stats WHERE table_id = :old)

-- name: copy_ledger
INSERT INTO ledger
  (table_id, start_at, end_at, begin_snapshot, version_id, attempt_id, file_id, row_start, rows, fingerprint, reads,
   source_set_id, invalidated)
SELECT table_id, start_at, end_at, :snapshot, version_id, attempt_id, :file, row_start, rows, fingerprint, reads,
       source_set_id, invalidated
FROM ledger WHERE table_id = :table_id AND end_snapshot = :dropped AND file_id IS :old
