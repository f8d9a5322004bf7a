-- What is old in the lake and in the books, and how it goes. Everything that changes anything is bounded by :limit.

-- name: young_from
-- The newest snapshot of an instant: from the newest back, since only the last hour has to be passed over.
SELECT snapshot_id FROM ducklake_snapshot WHERE snapshot_time <= :before ORDER BY snapshot_id DESC LIMIT 1

-- name: oldest
SELECT snapshot_id, snapshot_time FROM ducklake_snapshot ORDER BY snapshot_id LIMIT 1

-- name: read_to
SELECT read_to FROM lake_upkeep

-- name: unread
SELECT count(*) FROM ducklake_snapshot WHERE snapshot_id > (SELECT read_to FROM lake_upkeep)

-- name: next_changes
SELECT s.snapshot_id, s.snapshot_time, c.changes_made
FROM ducklake_snapshot s LEFT JOIN ducklake_snapshot_changes c ON c.snapshot_id = s.snapshot_id
WHERE s.snapshot_id > (SELECT read_to FROM lake_upkeep) ORDER BY s.snapshot_id LIMIT :limit

-- name: add_version
INSERT OR IGNORE INTO lake_version (lake_table_id, snapshot_id, at) VALUES (:table, :snapshot, :at)

-- name: set_read_to
UPDATE lake_upkeep SET read_to = :snapshot

-- name: old_snapshots
-- One more than asked for: the time at which the last one was no longer the newest.
SELECT snapshot_id, snapshot_time FROM ducklake_snapshot
WHERE snapshot_id > :after AND snapshot_id <= :young_from ORDER BY snapshot_id LIMIT :limit + 1

-- name: old_versions
SELECT lake_table_id, snapshot_id, at FROM lake_version WHERE snapshot_id <= :young_from
ORDER BY lake_table_id, snapshot_id DESC

-- name: young_versions
SELECT lake_table_id, count(*) FROM lake_version WHERE snapshot_id > :young_from GROUP BY lake_table_id

-- name: lake_tables
SELECT l.lake_table_id, l.table_id, m.dropped_at IS NULL
FROM lake_table_of l JOIN materialized_table m ON m.table_id = l.table_id

-- name: options
SELECT m.table_id, o."value" ->> 0, o."value" ->> 1
FROM materialized_table m JOIN table_version v ON v.version_id = m.version_id
JOIN json_each(v.definition, '$.options') o
WHERE o."value" ->> 0 GLOB 'retention.*'

-- name: old_bytes
SELECT table_id, sum(file_size_bytes) FROM ducklake_data_file WHERE end_snapshot IS NOT NULL GROUP BY table_id

-- name: live_bytes
SELECT coalesce(sum(file_size_bytes), 0) FROM ducklake_data_file
WHERE table_id IN (SELECT "value" FROM json_each(:tables)) AND end_snapshot IS NULL

-- name: last_bytes
-- What a dropped table held when it was dropped.
SELECT coalesce(sum(file_size_bytes), 0) FROM ducklake_data_file
WHERE table_id IN (SELECT "value" FROM json_each(:tables)) AND end_snapshot =
  (SELECT max(end_snapshot) FROM ducklake_table WHERE table_id IN (SELECT "value" FROM json_each(:tables)))

-- name: old_files
SELECT begin_snapshot, end_snapshot, file_size_bytes FROM ducklake_data_file
WHERE table_id IN (SELECT "value" FROM json_each(:tables)) AND end_snapshot IS NOT NULL

-- name: pinned
SELECT snapshot_id FROM pin WHERE boot_id = :boot_id AND expires > :boottime
UNION
SELECT pinned_snapshot FROM attempt WHERE outcome IS NULL AND pinned_snapshot IS NOT NULL

-- name: pins
SELECT p.snapshot_id, h.command, p.purpose FROM pin p JOIN holder h ON h.holder_id = p.holder_id
WHERE p.boot_id = :boot_id AND p.expires > :boottime
UNION ALL
SELECT a.pinned_snapshot, h.command, 'attempt ' || a.ulid FROM attempt a JOIN holder h ON h.holder_id = a.holder_id
WHERE a.outcome IS NULL AND a.pinned_snapshot IS NOT NULL
ORDER BY 1, 2

-- name: going
-- Files that only these snapshots show.
SELECT count(*), coalesce(sum(f.file_size_bytes), 0) FROM ducklake_data_file f
WHERE f.end_snapshot IS NOT NULL AND NOT EXISTS
  (SELECT 1 FROM ducklake_snapshot s WHERE s.snapshot_id >= f.begin_snapshot AND s.snapshot_id < f.end_snapshot
     AND s.snapshot_id NOT IN (SELECT "value" FROM json_each(:snapshots)))

-- name: expirable
-- Once more, in the transaction that removes them: not the newest, and not pinned meanwhile.
SELECT s.snapshot_id FROM ducklake_snapshot s
WHERE s.snapshot_id IN (SELECT "value" FROM json_each(:snapshots))
  AND s.snapshot_id < (SELECT max(snapshot_id) FROM ducklake_snapshot)
  AND s.snapshot_id NOT IN (SELECT p.snapshot_id FROM pin p WHERE p.boot_id = :boot_id AND p.expires > :boottime)
  AND s.snapshot_id NOT IN (SELECT a.pinned_snapshot FROM attempt a
                            WHERE a.outcome IS NULL AND a.pinned_snapshot IS NOT NULL)
ORDER BY s.snapshot_id

-- name: drop_snapshot
DELETE FROM ducklake_snapshot WHERE snapshot_id = :snapshot

-- name: drop_changes
DELETE FROM ducklake_snapshot_changes WHERE snapshot_id = :snapshot

-- name: drop_versions
DELETE FROM lake_version WHERE snapshot_id = :snapshot + 1

-- name: add_gap
INSERT OR IGNORE INTO lake_gap (low, high)
VALUES (coalesce((SELECT max(snapshot_id) FROM ducklake_snapshot WHERE snapshot_id < :snapshot), -1),
        (SELECT min(snapshot_id) FROM ducklake_snapshot WHERE snapshot_id > :snapshot))

-- name: gap
SELECT low, high FROM lake_gap ORDER BY low, high LIMIT 1

-- name: gaps
SELECT count(*) FROM lake_gap

-- name: drop_gap
DELETE FROM lake_gap WHERE low = :low AND high = :high

-- name: dead_files
-- Found in the index; tables of foreign clients are theirs.
SELECT f.data_file_id FROM ducklake_data_file f
WHERE f.end_snapshot > :low AND f.end_snapshot <= :high AND f.begin_snapshot > :low
  AND NOT EXISTS (SELECT 1 FROM ducklake_snapshot s
                  WHERE s.snapshot_id >= f.begin_snapshot AND s.snapshot_id < f.end_snapshot)
  AND EXISTS (SELECT 1 FROM lake_table_of l WHERE l.lake_table_id = f.table_id)
LIMIT :limit

-- name: dead_delete_files
SELECT d.delete_file_id FROM ducklake_delete_file d
WHERE d.end_snapshot > :low AND d.end_snapshot <= :high AND d.begin_snapshot > :low
  AND NOT EXISTS (SELECT 1 FROM ducklake_snapshot s
                  WHERE s.snapshot_id >= d.begin_snapshot AND s.snapshot_id < d.end_snapshot)
  AND EXISTS (SELECT 1 FROM lake_table_of l WHERE l.lake_table_id = d.table_id)
LIMIT :limit

-- name: delete_files_of
SELECT delete_file_id FROM ducklake_delete_file WHERE data_file_id IN (SELECT "value" FROM json_each(:files))

-- name: schedule_files
-- A path that another row names too, since somebody has put it back, is still needed.
INSERT INTO ducklake_files_scheduled_for_deletion
SELECT f.data_file_id,
       CASE WHEN f.path_is_relative THEN coalesce((SELECT s.path FROM ducklake_schema s WHERE s.schema_id = t.schema_id
                                                   ORDER BY s.begin_snapshot DESC LIMIT 1), '') || t.path || f.path
            ELSE f.path END,
       f.path_is_relative, :time
FROM ducklake_data_file f JOIN ducklake_table t ON t.rowid =
  (SELECT n.rowid FROM ducklake_table n WHERE n.table_id = f.table_id ORDER BY n.begin_snapshot DESC LIMIT 1)
WHERE f.data_file_id IN (SELECT "value" FROM json_each(:files))
  AND NOT EXISTS (SELECT 1 FROM ducklake_data_file o
                  WHERE o.path = f.path AND o.table_id = f.table_id AND o.data_file_id <> f.data_file_id)

-- name: schedule_delete_files
INSERT INTO ducklake_files_scheduled_for_deletion
SELECT d.delete_file_id,
       CASE WHEN d.path_is_relative THEN coalesce((SELECT s.path FROM ducklake_schema s WHERE s.schema_id = t.schema_id
                                                   ORDER BY s.begin_snapshot DESC LIMIT 1), '') || t.path || d.path
            ELSE d.path END,
       d.path_is_relative, :time
FROM ducklake_delete_file d JOIN ducklake_table t ON t.rowid =
  (SELECT n.rowid FROM ducklake_table n WHERE n.table_id = d.table_id ORDER BY n.begin_snapshot DESC LIMIT 1)
WHERE d.delete_file_id IN (SELECT "value" FROM json_each(:files))

-- name: drop_delete_files
DELETE FROM ducklake_delete_file WHERE delete_file_id IN (SELECT "value" FROM json_each(:files))

-- name: drop_stats
DELETE FROM ducklake_file_column_stats WHERE data_file_id IN (SELECT "value" FROM json_each(:files))

-- name: drop_variant_stats
DELETE FROM ducklake_file_variant_stats WHERE data_file_id IN (SELECT "value" FROM json_each(:files))

-- name: drop_partition_values
DELETE FROM ducklake_file_partition_value WHERE data_file_id IN (SELECT "value" FROM json_each(:files))

-- name: drop_digests
DELETE FROM data_file_digest WHERE data_file_id IN (SELECT "value" FROM json_each(:files))

-- name: drop_files
DELETE FROM ducklake_data_file WHERE data_file_id IN (SELECT "value" FROM json_each(:files))

-- name: dead_ledger
SELECT l.ledger_id, l.attempt_id, l.source_set_id FROM ledger l
WHERE l.end_snapshot > :low AND l.end_snapshot <= :high AND l.begin_snapshot > :low
  AND NOT EXISTS (SELECT 1 FROM ducklake_snapshot s
                  WHERE s.snapshot_id >= l.begin_snapshot AND s.snapshot_id < l.end_snapshot)
LIMIT :limit

-- name: unseen_ledger
-- Rows that moved within one snapshot were never seen at any.
SELECT ledger_id, attempt_id, source_set_id FROM ledger
WHERE begin_snapshot = end_snapshot ORDER BY ledger_id LIMIT :limit

-- name: drop_ledger
DELETE FROM ledger WHERE ledger_id IN (SELECT "value" FROM json_each(:ids))

-- name: drop_archived
-- Attempts whose instance is forgotten stay while data came from them, and the last one of each table.
DELETE FROM attempt
WHERE attempt_id IN (SELECT "value" FROM json_each(:ids)) AND task_id = 0
  AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.attempt_id = attempt.attempt_id)
  AND EXISTS (SELECT 1 FROM attempt n WHERE n.table_id = attempt.table_id AND n.attempt_id > attempt.attempt_id
                AND n.outcome IS NOT NULL)

-- name: unnamed_sets
SELECT j."value" FROM json_each(:ids) j
WHERE NOT EXISTS (SELECT 1 FROM ledger l WHERE l.source_set_id = j."value")

-- name: files_of_sets
SELECT DISTINCT source_id FROM source_set_file WHERE source_set_id IN (SELECT "value" FROM json_each(:ids))

-- name: drop_set_files
DELETE FROM source_set_file WHERE source_set_id IN (SELECT "value" FROM json_each(:ids))

-- name: drop_sets
DELETE FROM source_set WHERE source_set_id IN (SELECT "value" FROM json_each(:ids))

-- name: drop_source_files
-- Versions of files that are neither the present one nor what anything was built from.
DELETE FROM source_file
WHERE source_id IN (SELECT "value" FROM json_each(:ids)) AND current = 0
  AND NOT EXISTS (SELECT 1 FROM source_set_file s WHERE s.source_id = source_file.source_id)

-- name: dead_tables
SELECT l.lake_table_id FROM lake_table_of l
WHERE EXISTS (SELECT 1 FROM ducklake_table t WHERE t.table_id = l.lake_table_id)
  AND NOT EXISTS
    (SELECT 1 FROM ducklake_table t WHERE t.table_id = l.lake_table_id
       AND (t.end_snapshot IS NULL OR EXISTS (SELECT 1 FROM ducklake_snapshot s
                                              WHERE s.snapshot_id >= t.begin_snapshot AND s.snapshot_id < t.end_snapshot)))
  AND NOT EXISTS (SELECT 1 FROM ducklake_data_file f WHERE f.table_id = l.lake_table_id)
LIMIT :limit

-- name: drop_table
DELETE FROM ducklake_table WHERE table_id = :table

-- name: drop_columns
DELETE FROM ducklake_column WHERE table_id = :table

-- name: drop_column_tags
DELETE FROM ducklake_column_tag WHERE table_id = :table

-- name: drop_tags
DELETE FROM ducklake_tag WHERE object_id = :table

-- name: drop_table_stats
DELETE FROM ducklake_table_stats WHERE table_id = :table

-- name: drop_table_column_stats
DELETE FROM ducklake_table_column_stats WHERE table_id = :table

-- name: drop_schema_versions
DELETE FROM ducklake_schema_versions WHERE table_id = :table

-- name: drop_lake_table
DELETE FROM lake_table_of WHERE lake_table_id = :table

-- name: drop_lake_versions
DELETE FROM lake_version WHERE lake_table_id = :table

-- name: scheduled
-- A file that others have replaced may be among those that the reader of an older snapshot has been given.
SELECT s.data_file_id, s.path, s.path_is_relative FROM ducklake_files_scheduled_for_deletion s
LEFT JOIN replaced_file r ON r.data_file_id = s.data_file_id
WHERE s.schedule_start <= :before AND s.data_file_id > :after
  AND (r.snapshot_id IS NULL OR NOT EXISTS
       (SELECT 1 FROM pin p WHERE p.boot_id = :boot_id AND p.expires > :boottime AND p.snapshot_id < r.snapshot_id
        UNION ALL
        SELECT 1 FROM attempt a WHERE a.outcome IS NULL AND a.pinned_snapshot < r.snapshot_id))
ORDER BY s.data_file_id LIMIT :limit

-- name: named_again
-- Of these ends of paths, those that catalog rows name.
SELECT f.path, f.path_is_relative, t.path
FROM ducklake_data_file f JOIN ducklake_table t ON t.table_id = f.table_id
WHERE f.path IN (SELECT "value" FROM json_each(:ends))

-- name: unschedule
DELETE FROM ducklake_files_scheduled_for_deletion WHERE data_file_id IN (SELECT "value" FROM json_each(:files))

-- name: forget_replaced
DELETE FROM replaced_file WHERE data_file_id IN (SELECT "value" FROM json_each(:files))

-- name: counts
SELECT (SELECT count(*) FROM ducklake_snapshot),
       (SELECT count(*) FROM materialized_table WHERE dropped_at IS NULL),
       (SELECT count(*) FROM ducklake_data_file WHERE end_snapshot IS NULL),
       (SELECT coalesce(sum(file_size_bytes), 0) FROM ducklake_data_file WHERE end_snapshot IS NULL),
       (SELECT count(*) FROM ducklake_data_file WHERE end_snapshot IS NOT NULL),
       (SELECT coalesce(sum(file_size_bytes), 0) FROM ducklake_data_file WHERE end_snapshot IS NOT NULL),
       (SELECT count(*) FROM ducklake_files_scheduled_for_deletion)

-- name: give_back
-- A bounded step: a megabyte of pages of four kilobytes.
PRAGMA incremental_vacuum(256)
