-- Ledger, coverage and sources: which interval holds whose data, from which inputs.

-- name: rows
SELECT start_at, end_at, version_id, attempt_id, file_id, row_start, rows, fingerprint, reads, source_set_id,
       begin_snapshot, invalidated
FROM ledger
WHERE table_id = :table_id AND end_snapshot IS NULL AND start_at < :end AND end_at > :start
  AND start_at >= coalesce((SELECT max(start_at) FROM ledger
                            WHERE table_id = :table_id AND end_snapshot IS NULL AND start_at <= :start), :start)
ORDER BY start_at

-- name: rows_at
-- Two halves, each with its own index: what lives since then, and what has ended since.
SELECT start_at, end_at, version_id, attempt_id, file_id, row_start, rows, fingerprint, reads, source_set_id,
       begin_snapshot, invalidated
FROM ledger
WHERE table_id = :table_id AND end_snapshot IS NULL AND start_at < :end AND end_at > :start
  AND start_at >= coalesce((SELECT max(start_at) FROM ledger
                            WHERE table_id = :table_id AND end_snapshot IS NULL AND start_at <= :start), :start)
  AND begin_snapshot <= :snapshot
UNION ALL
SELECT start_at, end_at, version_id, attempt_id, file_id, row_start, rows, fingerprint, reads, source_set_id,
       begin_snapshot, invalidated
FROM ledger
WHERE table_id = :table_id AND end_snapshot > :snapshot AND begin_snapshot <= :snapshot
  AND start_at < :end AND end_at > :start
ORDER BY start_at

-- name: content
SELECT start_at, end_at, fingerprint FROM ledger
WHERE table_id = :table_id AND end_snapshot IS NULL AND start_at < :end AND end_at > :start
  AND start_at >= coalesce((SELECT max(start_at) FROM ledger
                            WHERE table_id = :table_id AND end_snapshot IS NULL AND start_at <= :start), :start)
ORDER BY start_at

-- name: end_rows
UPDATE ledger SET end_snapshot = :snapshot
WHERE table_id = :table_id AND end_snapshot IS NULL AND start_at < :end AND end_at > :start
  AND start_at >= coalesce((SELECT max(start_at) FROM ledger
                            WHERE table_id = :table_id AND end_snapshot IS NULL AND start_at <= :start), :start)

-- name: add_row
INSERT INTO ledger
  (table_id, start_at, end_at, begin_snapshot, version_id, attempt_id, file_id, row_start, rows, fingerprint, reads,
   source_set_id, invalidated)
VALUES (:table_id, :start, :end, :snapshot, :version_id, :attempt_id, :file_id, :row_start, :rows, :fingerprint, :reads,
        :source_set_id, :invalidated)

-- name: invalidate
-- The first reason stays: it is why the interval became stale.
UPDATE ledger SET invalidated = :reason
WHERE table_id = :table_id AND end_snapshot IS NULL AND start_at < :end AND end_at > :start AND invalidated = ''
RETURNING start_at, end_at

-- name: dangling
-- A live interval in an ended file would be counted and never read.
SELECT l.start_at FROM ledger l
WHERE l.file_id IN (SELECT "value" FROM json_each(:files)) AND l.end_snapshot IS NULL LIMIT 1

-- name: coverage
SELECT table_id, start_at, end_at, stale FROM coverage ORDER BY table_id, start_at

-- name: coverage_of
SELECT start_at, end_at, stale FROM coverage WHERE table_id = :table_id ORDER BY start_at

-- name: coverage_near
-- Ranges that overlap or touch: a neighbour may have to be joined.
SELECT start_at, end_at, stale FROM coverage
WHERE table_id = :table_id AND start_at <= :end AND end_at >= :start
  AND start_at >= coalesce((SELECT max(start_at) FROM coverage
                            WHERE table_id = :table_id AND start_at < :start), :start)
ORDER BY start_at

-- name: drop_coverage
DELETE FROM coverage WHERE table_id = :table_id AND start_at = :start

-- name: add_coverage
INSERT INTO coverage (table_id, start_at, end_at, stale) VALUES (:table_id, :start, :end, :stale)

-- name: clear_coverage
DELETE FROM coverage WHERE table_id = :table_id

-- name: source_current
SELECT source_id, path, size, mtime_ns, inode, sha256, seen_at FROM source_file WHERE path = :path AND current = 1

-- name: source_retire
UPDATE source_file SET current = 0 WHERE path = :path AND current = 1

-- name: move_sources
-- A file that is known at its new place already keeps what is known of it there.
UPDATE OR IGNORE source_file SET path = :after || substr(path, length(:before) + 1)
WHERE substr(path, 1, length(:before)) = :before

-- name: source_put
INSERT INTO source_file (path, size, mtime_ns, inode, sha256, current, seen_at)
VALUES (:path, :size, :mtime_ns, :inode, :sha256, :current, :now)
ON CONFLICT (path, size, sha256) DO UPDATE
SET mtime_ns = excluded.mtime_ns, inode = excluded.inode, current = excluded.current, seen_at = excluded.seen_at
RETURNING source_id

-- name: source_set
SELECT source_set_id FROM source_set WHERE digest = :digest

-- name: add_source_set
INSERT INTO source_set (digest) VALUES (:digest) RETURNING source_set_id

-- name: add_source_set_file
INSERT INTO source_set_file (source_set_id, source_id) VALUES (:source_set_id, :source_id)

-- name: built_from
-- Live intervals of all tables that were built from any version of a file.
SELECT l.table_id, l.start_at, l.end_at
FROM source_file f
JOIN source_set_file s ON s.source_id = f.source_id
JOIN ledger l ON l.source_set_id = s.source_set_id AND l.end_snapshot IS NULL AND l.source_set_id IS NOT NULL
WHERE f.path = :path

-- name: outdated_path
-- The first file of a set that has changed since.
SELECT min(f.path) FROM source_set_file s JOIN source_file f ON f.source_id = s.source_id
WHERE s.source_set_id = :source_set_id AND f.current = 0

-- name: outdated_rows
SELECT l.start_at, l.end_at FROM ledger l
WHERE l.table_id = :table_id AND l.end_snapshot IS NULL AND l.source_set_id IS NOT NULL AND EXISTS
  (SELECT 1 FROM source_set_file s JOIN source_file f ON f.source_id = s.source_id
   WHERE s.source_set_id = l.source_set_id AND f.current = 0)

-- name: set_pairs
-- A loose scan: one seek a (set, table), however many intervals they share. Two comparisons, since a row-value one
-- would walk over all entries equal to the last pair.
WITH RECURSIVE pair (step) AS (
  SELECT (SELECT json_array(l.source_set_id, l.table_id) FROM ledger l
          WHERE l.end_snapshot IS NULL AND l.source_set_id IS NOT NULL
          ORDER BY l.source_set_id, l.table_id LIMIT 1)
  UNION ALL
  SELECT coalesce(
    (SELECT json_array(l.source_set_id, l.table_id) FROM ledger l
     WHERE l.end_snapshot IS NULL AND l.source_set_id = p.step ->> 0 AND l.table_id > p.step ->> 1
     ORDER BY l.table_id LIMIT 1),
    (SELECT json_array(l.source_set_id, l.table_id) FROM ledger l
     WHERE l.end_snapshot IS NULL AND l.source_set_id > p.step ->> 0
     ORDER BY l.source_set_id, l.table_id LIMIT 1))
  FROM pair p WHERE p.step IS NOT NULL)
SELECT step ->> 0, step ->> 1 FROM pair WHERE step IS NOT NULL

-- name: set_files
SELECT s.source_set_id, f.path, f.size, f.mtime_ns, f.inode, f.sha256
FROM source_set_file s JOIN source_file f ON f.source_id = s.source_id
WHERE s.source_set_id IN (SELECT "value" FROM json_each(:sets)) ORDER BY f.path, f.source_id

-- name: sets_in_force
-- The source sets of the live rows that still count, NULL for rows that were built from no file.
SELECT DISTINCT source_set_id FROM ledger
WHERE table_id = :table_id AND end_snapshot IS NULL AND invalidated = ''

-- name: rows_of_set
SELECT start_at, end_at FROM ledger
WHERE table_id = :table_id AND end_snapshot IS NULL AND invalidated = '' AND source_set_id IS :source_set_id
ORDER BY start_at

-- name: current_sources
SELECT s.path, s.size, s.mtime_ns, s.inode, s.sha256 FROM source_file s
WHERE s.current = 1 AND EXISTS (
  SELECT 1 FROM source_file v
  JOIN source_set_file f ON f.source_id = v.source_id
  JOIN ledger l ON l.source_set_id = f.source_set_id AND l.end_snapshot IS NULL
  WHERE v.path = s.path)
ORDER BY s.path

-- name: attempt_marks
SELECT a.attempt_id, a.ulid, a.ended_at FROM attempt a
WHERE a.attempt_id IN (SELECT attempt_id FROM ledger WHERE table_id = :table_id AND end_snapshot IS NULL)
