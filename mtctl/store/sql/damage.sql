-- What the catalog names, what others have written into it, and how the books are put right.

-- name: files
-- Every data file and delete file; a renamed table has several rows, the newest names it.
WITH named (lake_table_id, name, folder, relative) AS (
  SELECT t.table_id, t.table_name, iif(t.path_is_relative, coalesce(s.path, ''), '') || coalesce(t.path, ''),
         t.path_is_relative AND coalesce(s.path_is_relative, 1)
  FROM ducklake_table t LEFT JOIN ducklake_schema s ON s.schema_id = t.schema_id
  WHERE NOT EXISTS (SELECT 1 FROM ducklake_table n
                    WHERE n.table_id = t.table_id AND n.begin_snapshot > t.begin_snapshot))
SELECT f.data_file_id, l.table_id, coalesce(m.name, n.name), f.path, f.path_is_relative, n.folder, n.relative, f.file_size_bytes,
       f.footer_size, d.sha256, f.end_snapshot IS NULL, f.table_id
FROM ducklake_data_file f
JOIN named n ON n.lake_table_id = f.table_id
LEFT JOIN lake_table_of l ON l.lake_table_id = f.table_id
LEFT JOIN materialized_table m ON m.table_id = l.table_id
LEFT JOIN data_file_digest d ON d.data_file_id = f.data_file_id
UNION ALL
SELECT f.delete_file_id, l.table_id, coalesce(m.name, n.name), f.path, f.path_is_relative, n.folder, n.relative, f.file_size_bytes,
       f.footer_size, NULL, f.end_snapshot IS NULL, f.table_id
FROM ducklake_delete_file f
JOIN named n ON n.lake_table_id = f.table_id
LEFT JOIN lake_table_of l ON l.lake_table_id = f.table_id
LEFT JOIN materialized_table m ON m.table_id = l.table_id
ORDER BY 3, 1

-- name: owner
SELECT uuid FROM project

-- name: sample
-- The newest files: they are the likeliest to be there.
SELECT m.folder, f.path FROM ducklake_data_file f JOIN materialized_table m ON m.lake_table_id = f.table_id
WHERE f.end_snapshot IS NULL AND f.path_is_relative AND m.dropped_at IS NULL
ORDER BY f.data_file_id DESC LIMIT :limit

-- name: intervals_of
SELECT file_id, start_at, end_at FROM ledger
WHERE file_id IN (SELECT "value" FROM json_each(:files)) AND end_snapshot IS NULL ORDER BY file_id, start_at

-- name: foreign_files
-- Live files of our tables that no publish of ours has written down.
SELECT f.data_file_id, l.table_id, m.name, f.path, f.record_count, f.table_id
FROM ducklake_data_file f
JOIN lake_table_of l ON l.lake_table_id = f.table_id
JOIN materialized_table m ON m.table_id = l.table_id
WHERE f.end_snapshot IS NULL AND NOT EXISTS (SELECT 1 FROM data_file_digest d WHERE d.data_file_id = f.data_file_id)

-- name: delete_files
SELECT d.delete_file_id, l.table_id, m.name, d.path, d.delete_count, d.table_id, d.data_file_id
FROM ducklake_delete_file d
JOIN lake_table_of l ON l.lake_table_id = d.table_id
JOIN materialized_table m ON m.table_id = l.table_id
WHERE d.end_snapshot IS NULL

-- name: inlined
SELECT l.table_id, m.name, i.table_name, i.table_id
FROM ducklake_inlined_data_tables i
JOIN lake_table_of l ON l.lake_table_id = i.table_id
JOIN materialized_table m ON m.table_id = l.table_id

-- name: lost_rows
-- Live intervals whose file is no longer a live one.
SELECT l.table_id, m.name, l.start_at, l.end_at, l.file_id
FROM ledger l JOIN materialized_table m ON m.table_id = l.table_id
WHERE l.end_snapshot IS NULL AND l.file_id IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM ducklake_data_file f WHERE f.data_file_id = l.file_id AND f.end_snapshot IS NULL)
ORDER BY l.table_id, l.start_at

-- name: foreign_tables
SELECT t.table_id, coalesce(s.schema_name, ''), t.table_name, count(f.data_file_id), coalesce(sum(f.record_count), 0),
       coalesce(sum(f.file_size_bytes), 0)
FROM ducklake_table t
LEFT JOIN ducklake_schema s ON s.schema_id = t.schema_id
LEFT JOIN ducklake_data_file f ON f.table_id = t.table_id AND f.end_snapshot IS NULL
WHERE t.end_snapshot IS NULL AND t.table_id NOT IN (SELECT lake_table_id FROM lake_table_of)
GROUP BY t.table_id ORDER BY 2, 3

-- name: condemn
-- Whatever else made it stale before: only this reason keeps its rows from being carried.
UPDATE ledger SET invalidated = :reason
WHERE file_id IN (SELECT "value" FROM json_each(:files)) AND end_snapshot IS NULL
RETURNING table_id, start_at, end_at

-- name: end_foreign_file
UPDATE ducklake_data_file SET end_snapshot = :snapshot WHERE data_file_id = :file AND end_snapshot IS NULL

-- name: end_delete_file
UPDATE ducklake_delete_file SET end_snapshot = :snapshot WHERE delete_file_id = :file AND end_snapshot IS NULL

-- name: end_lost
UPDATE ledger SET end_snapshot = :snapshot
WHERE table_id = :table_id AND start_at = :start AND end_snapshot IS NULL

-- name: note_foreign_writes
INSERT INTO lake_setting ("key", "value") VALUES ('foreign_writes', 'true')

-- name: forget_foreign_writes
DELETE FROM lake_setting WHERE "key" = 'foreign_writes'

-- name: guards
SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name GLOB 'guard_*'

-- name: foreign_name
-- A live table or view of another client under a name of the schema of our tables.
SELECT 1 FROM ducklake_table t
WHERE t.end_snapshot IS NULL AND t.schema_id = :schema AND t.table_name = :name COLLATE NOCASE
  AND t.table_id NOT IN (SELECT lake_table_id FROM lake_table_of)
UNION ALL
SELECT 1 FROM ducklake_view v
WHERE v.end_snapshot IS NULL AND v.schema_id = :schema AND v.view_name = :name COLLATE NOCASE
LIMIT 1
