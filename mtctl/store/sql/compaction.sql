-- Live files replaced by others with the same rows: what an overwrite of a part takes apart, what compaction joins.

-- name: is_replaceable
-- A live file of the table, under no delete file: else it is not what was read.
SELECT 1 FROM ducklake_data_file f
WHERE f.data_file_id = :file AND f.table_id = :table AND f.end_snapshot IS NULL AND f.mapping_id IS NULL
  AND NOT EXISTS (SELECT 1 FROM ducklake_delete_file e WHERE e.data_file_id = :file AND e.end_snapshot IS NULL)

-- name: maker
SELECT attempt_id FROM data_file_digest WHERE data_file_id = :file

-- name: add_file
INSERT INTO ducklake_data_file VALUES
  (:file, :table, :begin, NULL, NULL, :path, 1, 'parquet', :rows, :bytes, :footer, NULL, NULL, NULL, NULL, NULL)

-- name: take_place
-- In the very row of an old file: DuckDB reads rows up to the greatest rowid that there was when its transaction began,
-- and would miss a new row while it no longer finds the old ones. The id is a new one: statistics are read apart.
UPDATE ducklake_data_file
SET data_file_id = :file, begin_snapshot = :begin, path = :path, path_is_relative = 1, record_count = :rows,
    file_size_bytes = :bytes, footer_size = :footer, row_id_start = NULL, partial_max = :partial_max
WHERE data_file_id = :old

-- name: end_carried
UPDATE ledger SET end_snapshot = :snapshot
WHERE table_id = :table_id AND start_at = :start AND end_snapshot IS NULL
  AND +file_id = :old AND row_start = :row_start AND rows = :rows

-- name: add_carried
INSERT INTO ledger
  (table_id, start_at, end_at, begin_snapshot, version_id, attempt_id, file_id, row_start, rows, fingerprint, reads,
   source_set_id, invalidated)
SELECT table_id, start_at, end_at, :snapshot, version_id, attempt_id, :file, :at, rows, fingerprint, reads,
       source_set_id, invalidated
FROM ledger WHERE file_id = :old AND start_at = :start AND end_snapshot = :snapshot AND row_start = :row_start

-- name: move_row
-- Found by the interval: a shared file may hold hundreds.
UPDATE ledger SET file_id = :file, row_start = :at
WHERE table_id = :table_id AND start_at = :start AND end_snapshot IS NULL
  AND +file_id = :old AND row_start = :row_start AND rows = :rows AND begin_snapshot = :begin

-- name: left
SELECT start_at FROM ledger WHERE file_id IN (SELECT "value" FROM json_each(:files)) LIMIT 1

-- name: note_replaced
INSERT INTO replaced_file (data_file_id, snapshot_id) SELECT "value", :snapshot FROM json_each(:files)

-- name: partial_paths
SELECT f.path, f.path_is_relative, t.path
FROM ducklake_data_file f JOIN ducklake_table t ON t.table_id = f.table_id
  AND t.begin_snapshot <= :snapshot AND (t.end_snapshot IS NULL OR t.end_snapshot > :snapshot)
WHERE f.partial_max > :snapshot AND f.begin_snapshot <= :snapshot
  AND (f.end_snapshot IS NULL OR f.end_snapshot > :snapshot)

-- name: epoch
SELECT epoch FROM materialized_table WHERE table_id = :table_id AND dropped_at IS NULL

-- name: is_busy
SELECT 1 FROM task_instance WHERE table_id = :table_id AND state = 'running'

-- name: ages
-- When the newest row of each live file came; snapshots that have expired since are long ago.
SELECT f.data_file_id, s.snapshot_time
FROM materialized_table m JOIN ducklake_data_file f ON f.table_id = m.lake_table_id
LEFT JOIN ducklake_snapshot s ON s.snapshot_id = coalesce(f.partial_max, f.begin_snapshot)
WHERE m.table_id = :table_id AND f.end_snapshot IS NULL

-- name: unfit
-- Live files that only their writer can say more about: under a delete file, read by names, or known to be damaged.
SELECT f.data_file_id
FROM materialized_table m JOIN ducklake_data_file f ON f.table_id = m.lake_table_id
WHERE m.table_id = :table_id AND f.end_snapshot IS NULL
  AND (f.mapping_id IS NOT NULL OR EXISTS
       (SELECT 1 FROM ducklake_delete_file e WHERE e.data_file_id = f.data_file_id AND e.end_snapshot IS NULL)
       OR EXISTS (SELECT 1 FROM ledger l WHERE l.file_id = f.data_file_id AND l.end_snapshot IS NULL
                                           AND l.invalidated = 'file damaged'))

-- name: small_files
SELECT m.table_id, count(*)
FROM materialized_table m JOIN ducklake_data_file f ON f.table_id = m.lake_table_id AND f.end_snapshot IS NULL
WHERE m.dropped_at IS NULL AND f.record_count < :rows AND f.file_size_bytes < :bytes
GROUP BY m.table_id

-- name: add_stage
INSERT INTO lease (name, holder_id, lease_until, boot_id) VALUES ('stage:' || :ulid, :holder_id, :lease_until, :boot_id)

-- name: drop_stage
DELETE FROM lease WHERE name = 'stage:' || :ulid

