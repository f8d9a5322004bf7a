-- Earlier moments: snapshots that are kept, and what the catalog held then.

-- name: moment
SELECT snapshot_id, snapshot_time FROM ducklake_snapshot WHERE snapshot_id = :snapshot

-- name: oldest
SELECT snapshot_id, snapshot_time FROM ducklake_snapshot ORDER BY snapshot_id LIMIT 1

-- name: newest
SELECT snapshot_id, snapshot_time FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1

-- name: at_or_before
-- Times are written in UTC with a fraction of any length: their texts sort like the instants.
SELECT snapshot_id, snapshot_time FROM ducklake_snapshot WHERE snapshot_time <= :time ORDER BY snapshot_id DESC LIMIT 1

-- name: before
SELECT snapshot_id, snapshot_time FROM ducklake_snapshot
WHERE snapshot_id < :snapshot ORDER BY snapshot_id DESC LIMIT 1

-- name: after
SELECT snapshot_id, snapshot_time FROM ducklake_snapshot WHERE snapshot_id > :snapshot ORDER BY snapshot_id LIMIT 1

-- name: tables_at
-- A new version that is built beside the shown one is nobody's table yet.
SELECT t.table_id, s.schema_name, t.table_name, l.table_id,
       EXISTS (SELECT 1 FROM ducklake_inlined_data_tables i WHERE i.table_id = t.table_id)
FROM ducklake_table t
JOIN ducklake_schema s ON s.schema_id = t.schema_id
  AND s.begin_snapshot <= :snapshot AND (s.end_snapshot IS NULL OR s.end_snapshot > :snapshot)
LEFT JOIN lake_table_of l ON l.lake_table_id = t.table_id
WHERE t.begin_snapshot <= :snapshot AND (t.end_snapshot IS NULL OR t.end_snapshot > :snapshot)
  AND s.schema_name <> :hidden
ORDER BY s.schema_name, t.table_name

-- name: columns_at
SELECT table_id, column_id, column_name, column_type, nulls_allowed, parent_column
FROM ducklake_column
WHERE table_id IN (SELECT "value" FROM json_each(:lake_table_ids))
  AND begin_snapshot <= :snapshot AND (end_snapshot IS NULL OR end_snapshot > :snapshot)
ORDER BY table_id, column_order, column_id

-- name: files_at
SELECT f.data_file_id, f.table_id, f.path, f.path_is_relative, s.path || t.path, f.record_count,
       f.partial_max IS NOT NULL AND f.partial_max > :snapshot, f.mapping_id IS NOT NULL
FROM json_each(:lake_table_ids) j
JOIN ducklake_table t ON t.table_id = j."value"
  AND t.begin_snapshot <= :snapshot AND (t.end_snapshot IS NULL OR t.end_snapshot > :snapshot)
JOIN ducklake_schema s ON s.schema_id = t.schema_id
  AND s.begin_snapshot <= :snapshot AND (s.end_snapshot IS NULL OR s.end_snapshot > :snapshot)
JOIN ducklake_data_file f ON f.table_id = t.table_id
  AND f.begin_snapshot <= :snapshot AND (f.end_snapshot IS NULL OR f.end_snapshot > :snapshot)
ORDER BY f.table_id, f.data_file_id

-- name: moves
-- The snapshots that moved the ledger of a table, the newest first.
SELECT moved FROM (
  SELECT begin_snapshot AS moved FROM ledger WHERE table_id = :table_id AND begin_snapshot <= :snapshot
  UNION
  SELECT end_snapshot FROM ledger WHERE table_id = :table_id AND end_snapshot <= :snapshot)
ORDER BY moved DESC LIMIT :limit

-- name: named
-- The table that bears a name, or bore it last.
SELECT table_id, dropped_at FROM materialized_table WHERE name = :name
ORDER BY dropped_at IS NOT NULL, dropped_at DESC, table_id DESC LIMIT 1

-- name: versions
-- Every snapshot that says it changed one of a table's lake tables; one that makes or renames it says only a name.
SELECT s.snapshot_id, s.snapshot_time, c.changes_made, c.author, c.commit_message, c.commit_extra_info
FROM ducklake_snapshot s JOIN ducklake_snapshot_changes c ON c.snapshot_id = s.snapshot_id
WHERE s.snapshot_id <= :before
  AND (EXISTS (SELECT 1 FROM lake_table_of l WHERE l.table_id = :table_id
               AND instr(',' || c.changes_made || ',', ':' || l.lake_table_id || ',') > 0)
    OR s.snapshot_id IN (SELECT t.begin_snapshot FROM ducklake_table t JOIN lake_table_of l
                         ON l.lake_table_id = t.table_id AND l.table_id = :table_id))
ORDER BY s.snapshot_id DESC LIMIT :limit

-- name: names
SELECT t.table_id, t.table_name, t.begin_snapshot, t.end_snapshot
FROM lake_table_of l JOIN ducklake_table t ON t.table_id = l.lake_table_id
WHERE l.table_id = :table_id AND t.schema_id NOT IN (SELECT schema_id FROM ducklake_schema WHERE schema_name = :hidden)
ORDER BY t.begin_snapshot

-- name: columns
SELECT c.table_id, c.column_name, c.column_type, c.begin_snapshot, c.end_snapshot
FROM lake_table_of l JOIN ducklake_column c ON c.table_id = l.lake_table_id
WHERE l.table_id = :table_id AND c.parent_column IS NULL ORDER BY c.begin_snapshot, c.column_order

-- name: attempt
SELECT a.attempt_id, a.ulid, a.intervals, a.rows, i.ulid
FROM attempt a JOIN task_instance t ON t.task_id = a.task_id
JOIN workflow_instance i ON i.instance_id = t.instance_id
WHERE a.ulid = :ulid

-- name: came
SELECT start_at, end_at FROM ledger
WHERE attempt_id = :attempt_id AND table_id = :table_id AND begin_snapshot = :snapshot

-- name: went
-- Rows of the intervals that a snapshot ended; one that only moved to another file begins again with its attempt.
SELECT sum(l.rows) FROM ledger l
WHERE l.table_id = :table_id AND l.end_snapshot = :snapshot
  AND NOT EXISTS (SELECT 1 FROM ledger n WHERE n.attempt_id = l.attempt_id AND n.table_id = l.table_id
                  AND n.start_at = l.start_at AND n.begin_snapshot = :snapshot)
