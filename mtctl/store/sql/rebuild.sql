-- A new version of a table that is built beside the one that readers see.

-- name: of
SELECT shown_id, begun_snapshot, needed, since_version, begun_at FROM rebuild WHERE table_id = :table_id

-- name: all
SELECT r.table_id, r.shown_id, r.needed, r.since_version, r.begun_at, m.lake_table_id, m.folder, v.definition
FROM rebuild r JOIN materialized_table m ON m.table_id = r.shown_id JOIN table_version v ON v.version_id = m.version_id
ORDER BY r.table_id

-- name: add
INSERT INTO rebuild (table_id, shown_id, begun_snapshot, begun_at, since_version, needed)
VALUES (:table_id, :shown_id, :snapshot, :now, :since_version, :needed)

-- name: need
UPDATE rebuild SET needed = :needed WHERE table_id = :table_id

-- name: failures
SELECT coalesce(t.intervals, json_array(json_array(t.start_at, t.end_at))), coalesce(a.error_code, ''),
       coalesce(a.error, a.outcome)
FROM attempt a
JOIN task_instance t ON t.task_id = a.task_id
JOIN materialized_table m ON m.table_id = a.table_id AND m.version_id = a.version_id
WHERE a.table_id = :table_id AND a.started_at >= :since AND a.outcome IN ('failed', 'timed_out', 'lost')
  AND t.start_at IS NOT NULL
ORDER BY a.attempt_id DESC LIMIT :limit

-- name: drop
DELETE FROM rebuild WHERE table_id = :table_id

-- name: newest_version
SELECT coalesce(max(version_id), 0) FROM table_version

-- name: park
-- A dropped table, which nothing lists: it holds what readers see of another one.
INSERT INTO materialized_table
  (uuid, name, origin, lake_table_id, folder, epoch, version_id, created_at, dropped_at)
VALUES (:uuid, :name, 'command', :lake_table_id, :folder, 1, :version_id, :now, :now)
RETURNING table_id

-- name: unpark
DELETE FROM materialized_table WHERE table_id = :table_id

-- name: use_lake_table
UPDATE materialized_table SET lake_table_id = :lake_table_id, folder = :folder WHERE table_id = :table_id

-- name: restore_table
UPDATE materialized_table
SET lake_table_id = :lake_table_id, folder = :folder, version_id = :version_id, epoch = epoch + 1
WHERE table_id = :table_id

-- name: move_live_rows
UPDATE ledger SET table_id = :to WHERE table_id = :from AND end_snapshot IS NULL

-- name: move_ended_rows
-- They were live for readers until now.
UPDATE ledger SET table_id = :to, end_snapshot = :snapshot WHERE table_id = :from AND end_snapshot IS NULL

-- name: show_rows
UPDATE ledger SET begin_snapshot = :snapshot
WHERE table_id = :table_id AND end_snapshot IS NULL AND begin_snapshot >= :begun

-- name: end_live_rows
UPDATE ledger SET end_snapshot = begin_snapshot WHERE table_id = :table_id AND end_snapshot IS NULL

-- name: unsee_rows
-- What was overwritten before anybody could see it was never there.
UPDATE ledger SET end_snapshot = begin_snapshot
WHERE table_id = :table_id AND end_snapshot IS NOT NULL AND begin_snapshot >= :begun

-- name: drop_coverage
DELETE FROM coverage WHERE table_id = :table_id

-- name: move_coverage
UPDATE coverage SET table_id = :to WHERE table_id = :from

-- name: contents
SELECT start_at, end_at, fingerprint FROM ledger WHERE table_id = :table_id AND end_snapshot IS NULL

-- name: add_hidden_table
INSERT INTO ducklake_table VALUES (:table, :uuid, :snapshot, NULL, :schema, :name, :folder, 1)

-- name: replaced
-- Tables whose present version is shown only since after a snapshot.
SELECT 1 FROM json_each(:names) j
JOIN materialized_table m ON m.name = j."value" COLLATE NOCASE AND m.dropped_at IS NULL
JOIN ducklake_table t ON t.table_id = m.lake_table_id AND t.end_snapshot IS NULL AND t.begin_snapshot > :snapshot
WHERE m.table_id NOT IN (SELECT table_id FROM rebuild) LIMIT 1
