-- What dashboards read of one thing from near. Numbers are counted here, and lines come a window at a time: an instance
-- may have ten thousand tasks.

-- name: instance
SELECT i.instance_id, i.ulid, i.title, i.trigger, i.state, i.queue, h.command, i.detached,
       i.cancel_requested_at IS NOT NULL, i.created_at, i.started_at, i.ended_at, i.manifest, w.name, i.version,
       i.logical_date, i.fire_at, i.key, i.rank, i.priority, i.variables, i.tags,
       (SELECT json_group_array(json_array(c.state, c.number)) FROM
          (SELECT state, count(*) AS number FROM task_instance WHERE instance_id = i.instance_id GROUP BY state) c),
       (SELECT sum(a.rows) FROM task_instance t JOIN attempt a ON a.task_id = t.task_id
        WHERE t.instance_id = i.instance_id AND a.outcome = 'success'),
       f.name, coalesce((SELECT a.error FROM attempt a WHERE a.task_id = f.task_id AND a.error IS NOT NULL
                         ORDER BY a.attempt_id DESC LIMIT 1), f.why)
FROM workflow_instance i LEFT JOIN holder h ON h.holder_id = i.holder_id
LEFT JOIN workflow w ON w.workflow_id = i.workflow_id
LEFT JOIN task_instance f ON f.task_id = (SELECT min(t.task_id) FROM task_instance t
                                          WHERE t.instance_id = i.instance_id AND t.state = 'failed')
WHERE i.ulid = :ulid

-- name: instances
SELECT i.instance_id, i.ulid, i.title, i.trigger, i.state, i.queue, h.command, i.detached,
       i.cancel_requested_at IS NOT NULL, i.created_at, i.started_at, i.ended_at, i.manifest, w.name, i.version,
       i.logical_date, i.fire_at, i.key, i.rank, i.priority, i.variables, i.tags,
       (SELECT json_group_array(json_array(c.state, c.number)) FROM
          (SELECT state, count(*) AS number FROM task_instance WHERE instance_id = i.instance_id GROUP BY state) c),
       (SELECT sum(a.rows) FROM task_instance t JOIN attempt a ON a.task_id = t.task_id
        WHERE t.instance_id = i.instance_id AND a.outcome = 'success')
FROM workflow_instance i LEFT JOIN holder h ON h.holder_id = i.holder_id
LEFT JOIN workflow w ON w.workflow_id = i.workflow_id
WHERE i.instance_id IN (SELECT "value" FROM json_each(:ids))

-- name: tasks
SELECT t.task_id, t.instance_id, t.name, t.table_id, t.start_at, t.end_at, t.intervals, t.interval_count, t.reasons,
       t.forced, t.state, t.why, t.tries, t.max_tries, t.ready_at, t.attempt_id, t.started_at, t.ended_at,
       a.rows, a.seconds, a.error_code, a.error, h.command,
       (SELECT json_group_array(e.upstream_id) FROM task_edge e WHERE e.task_id = t.task_id),
       t.kind, t.queue, t.priority, t.timeout, t.retry_lost, t.waits_for, t.cancel_requested_at IS NOT NULL, t.spec,
       m.name, m.origin, v.outline,
       (SELECT max(u.ended_at) FROM task_edge e JOIN task_instance u ON u.task_id = e.upstream_id
        WHERE e.task_id = t.task_id),
       (SELECT json_group_array(json_array(r.number, r.ulid, r.outcome, r.started_at, r.ended_at,
                                           r.snapshot_id)) FROM
          (SELECT n.* FROM attempt n WHERE n.task_id = t.task_id ORDER BY n.attempt_id DESC LIMIT 10) r)
FROM task_instance t
LEFT JOIN attempt a ON a.attempt_id = (SELECT n.attempt_id FROM attempt n WHERE n.task_id = t.task_id
                                       ORDER BY n.attempt_id DESC LIMIT 1)
LEFT JOIN holder h ON h.holder_id = a.holder_id
LEFT JOIN materialized_table m ON m.table_id = t.table_id
LEFT JOIN table_version v ON v.version_id = m.version_id
WHERE t.task_id IN (SELECT p.task_id FROM task_instance p
                    WHERE p.instance_id = :instance_id
                      AND (:states IS NULL OR p.state IN (SELECT "value" FROM json_each(:states)))
                    ORDER BY p.task_id LIMIT :limit OFFSET :offset)
ORDER BY t.task_id

-- name: place
SELECT count(*) FROM task_instance WHERE instance_id = :instance_id AND task_id < :task_id

-- name: attempts
SELECT a.attempt_id, a.ulid, a.task_id, a.number, h.command, a.outcome, a.started_at, a.ended_at, a.snapshot_id,
       a.intervals, a.rows, a.bytes, a.seconds, a.error_code, a.error, t.name, a.pinned_snapshot, a.version_id, a.epoch
FROM task_instance t JOIN attempt a ON a.task_id = t.task_id JOIN holder h ON h.holder_id = a.holder_id
WHERE t.instance_id = :instance_id ORDER BY a.attempt_id DESC LIMIT :limit

-- name: attempts_of_task
SELECT a.attempt_id, a.ulid, a.task_id, a.number, h.command, a.outcome, a.started_at, a.ended_at, a.snapshot_id,
       a.intervals, a.rows, a.bytes, a.seconds, a.error_code, a.error, t.name, a.pinned_snapshot, a.version_id, a.epoch
FROM task_instance t JOIN attempt a ON a.task_id = t.task_id JOIN holder h ON h.holder_id = a.holder_id
WHERE t.task_id = :task_id ORDER BY a.attempt_id DESC LIMIT :limit

-- name: events
SELECT e.event_id, e.at, e.kind, e.table_id, e.instance_id, e.task_id, e.attempt_id, e.detail, e.actor, e.workflow_id,
       coalesce(t.name, '')
FROM event e LEFT JOIN task_instance t ON t.task_id = e.task_id
WHERE e.instance_id = :instance_id AND (:task_id IS NULL OR e.task_id = :task_id)
ORDER BY e.event_id DESC LIMIT :limit

-- name: words
SELECT t.name, t.state, coalesce((SELECT a.error FROM attempt a WHERE a.task_id = t.task_id
                                  ORDER BY a.attempt_id DESC LIMIT 1), t.why) AS words
FROM task_instance t
WHERE t.instance_id = :instance_id AND t.state <> 'success' AND words <> ''
ORDER BY t.state <> 'failed', t.task_id LIMIT :limit

-- name: definition
SELECT v.definition FROM task_instance t JOIN materialized_table m ON m.table_id = t.table_id
JOIN table_version v ON v.version_id = coalesce((SELECT a.version_id FROM attempt a WHERE a.task_id = t.task_id
                                                 ORDER BY a.attempt_id DESC LIMIT 1), m.version_id)
WHERE t.task_id = :task_id

-- name: run_stats
WITH run AS MATERIALIZED (
  SELECT i.instance_id, i.state, (i.ended_at - i.started_at) / 1e6 AS took FROM workflow_instance i
  WHERE i.workflow_id = :workflow_id AND i.ended_at >= :since AND i.started_at IS NOT NULL
  ORDER BY i.instance_id DESC LIMIT :most
), ranked AS (SELECT took, row_number() OVER (ORDER BY took) AS place, count(*) OVER () AS total FROM run)
SELECT (SELECT count(*) FROM run), (SELECT count(*) FROM run WHERE state = 'success'),
       (SELECT took FROM ranked WHERE place = (total * 50 + 99) / 100),
       (SELECT took FROM ranked WHERE place = (total * 95 + 99) / 100),
       (SELECT json_group_array(r.took) FROM (SELECT took FROM run ORDER BY instance_id DESC LIMIT :recent) r)

-- name: newest_states
SELECT name, state, count(*) FROM task_instance
WHERE instance_id = (SELECT max(i.instance_id) FROM workflow_instance i WHERE i.workflow_id = :workflow_id)
GROUP BY name, state ORDER BY min(task_id) LIMIT :limit

-- name: file_totals
SELECT count(f.data_file_id), coalesce(sum(f.record_count), 0), coalesce(sum(f.file_size_bytes), 0),
       count(f.data_file_id) FILTER (WHERE f.file_size_bytes < :small),
       coalesce(sum(f.file_size_bytes) FILTER (WHERE f.file_size_bytes < :small), 0),
       coalesce(min(f.file_size_bytes), 0), coalesce(max(f.file_size_bytes), 0)
FROM materialized_table m JOIN ducklake_data_file f ON f.table_id = m.lake_table_id AND f.end_snapshot IS NULL
WHERE m.table_id = :table_id

-- name: files
SELECT f.path, f.record_count, f.file_size_bytes, f.begin_snapshot
FROM materialized_table m JOIN ducklake_data_file f ON f.table_id = m.lake_table_id AND f.end_snapshot IS NULL
WHERE m.table_id = :table_id ORDER BY f.data_file_id DESC LIMIT :limit

-- name: table
SELECT m.table_id, m.name, m.origin, m.file, v.outline,
       (SELECT json_array(coalesce(sum(f.record_count), 0), coalesce(sum(f.file_size_bytes), 0), count(*))
        FROM ducklake_data_file f WHERE f.table_id = m.lake_table_id AND f.end_snapshot IS NULL),
       a.outcome, a.error,
       (SELECT s.ended_at FROM attempt s WHERE s.table_id = m.table_id AND s.outcome = 'success'
        ORDER BY s.attempt_id DESC LIMIT 1),
       (SELECT h.command FROM attempt r JOIN holder h ON h.holder_id = r.holder_id
        WHERE r.attempt_id = (SELECT t.attempt_id FROM task_instance t
                              WHERE t.table_id = m.table_id AND t.state = 'running')),
       (SELECT json_group_array(json_array(c.start_at, c.end_at, c.stale)) FROM
          (SELECT * FROM coverage WHERE table_id = m.table_id ORDER BY start_at) c),
       EXISTS (SELECT 1 FROM rebuild)
FROM materialized_table m JOIN table_version v ON v.version_id = m.version_id
LEFT JOIN attempt a ON a.attempt_id = (SELECT e.attempt_id FROM attempt e
                                       WHERE e.table_id = m.table_id AND e.outcome IS NOT NULL
                                       ORDER BY e.attempt_id DESC LIMIT 1)
WHERE m.name = :name COLLATE NOCASE AND m.dropped_at IS NULL
