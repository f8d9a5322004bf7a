-- Refreshes of many intervals, for dashboards. -62135596800000000 is where the pseudo-interval of whole tables begins.

-- name: rows
-- The finest table gives the labels of the whole span. What was tried is summed over the attempts that published.
SELECT i.instance_id, i.ulid, i.title, i.trigger, i.state, w.name, i.cancel_requested_at IS NOT NULL, i.created_at,
       i.started_at, i.ended_at,
       g.done, g.skipped, g.failed, g.cancelled, g.running, g.waiting,
       g.tables, g.batches, g.running_batches, g.waiting_batches, g.low, g.high,
       (SELECT json_array(sum(a.rows), sum(a.seconds), sum(a.intervals))
        FROM task_instance t JOIN attempt a ON a.task_id = t.task_id
        WHERE t.instance_id = i.instance_id AND a.outcome = 'success' AND t.table_id IS NOT NULL),
       f.table_id, f.name, f.origin, f.file, v.outline
FROM workflow_instance i
JOIN (SELECT t.instance_id,
             sum(t.interval_count) FILTER (WHERE t.state = 'success') AS done,
             sum(t.interval_count) FILTER (WHERE t.state = 'skipped') AS skipped,
             sum(t.interval_count) FILTER (WHERE t.state = 'failed') AS failed,
             sum(t.interval_count) FILTER (WHERE t.state = 'cancelled') AS cancelled,
             sum(t.interval_count) FILTER (WHERE t.state = 'running') AS running,
             sum(t.interval_count) FILTER (WHERE t.state IN ('created', 'pending', 'suspended')) AS waiting,
             count(DISTINCT t.table_id) AS tables, count(*) AS batches,
             count(*) FILTER (WHERE t.state = 'running') AS running_batches,
             count(*) FILTER (WHERE t.state IN ('created', 'pending', 'suspended')) AS waiting_batches,
             min(t.start_at) FILTER (WHERE t.start_at > -62135596800000000) AS low,
             max(t.end_at) FILTER (WHERE t.start_at > -62135596800000000) AS high
      FROM task_instance t WHERE t.table_id IS NOT NULL
        AND t.instance_id IN (SELECT n.instance_id FROM workflow_instance n, json_each(:ulids) j
                              WHERE n.ulid = j."value")
      GROUP BY t.instance_id) g ON g.instance_id = i.instance_id
LEFT JOIN materialized_table f ON f.table_id =
  (SELECT m.table_id FROM materialized_table m JOIN table_version n ON n.version_id = m.version_id
   WHERE m.table_id IN (SELECT t.table_id FROM task_instance t INDEXED BY task_ranged
                        WHERE t.instance_id = i.instance_id AND t.start_at > -62135596800000000)
   ORDER BY CASE n.outline ->> '$[2].grain' WHEN 'minute' THEN 0 WHEN 'hour' THEN 1 WHEN 'day' THEN 2
            WHEN 'week' THEN 3 WHEN 'month' THEN 4 WHEN 'quarter' THEN 5 ELSE 6 END, m.table_id LIMIT 1)
LEFT JOIN table_version v ON v.version_id = f.version_id
LEFT JOIN workflow w ON w.workflow_id = i.workflow_id

-- name: tables
SELECT m.table_id, m.name, m.origin, m.file, v.outline,
       g.done, g.skipped, g.failed, g.cancelled, g.running, g.waiting, g.batches
FROM (SELECT t.table_id, min(t.task_id) AS first, count(*) AS batches,
             sum(t.interval_count) FILTER (WHERE t.state = 'success') AS done,
             sum(t.interval_count) FILTER (WHERE t.state = 'skipped') AS skipped,
             sum(t.interval_count) FILTER (WHERE t.state = 'failed') AS failed,
             sum(t.interval_count) FILTER (WHERE t.state = 'cancelled') AS cancelled,
             sum(t.interval_count) FILTER (WHERE t.state = 'running') AS running,
             sum(t.interval_count) FILTER (WHERE t.state IN ('created', 'pending', 'suspended')) AS waiting
      FROM task_instance t WHERE t.instance_id = :instance_id AND t.table_id IS NOT NULL GROUP BY t.table_id) g
JOIN materialized_table m ON m.table_id = g.table_id
JOIN table_version v ON v.version_id = m.version_id
ORDER BY g.first LIMIT :limit OFFSET :offset

-- name: tasks
-- A row a table: a screenful of single intervals of many tables would be thousands. Errors only to their first words.
SELECT t.table_id, json_group_array(json_array(
         t.task_id, t.name, t.state, t.start_at, t.end_at, t.intervals, t.tries, t.max_tries, t.why,
         CASE WHEN t.tries > 0 AND t.state NOT IN ('success', 'skipped') THEN
           (SELECT substr(a.error, 1, 300) FROM attempt a WHERE a.task_id = t.task_id
            ORDER BY a.attempt_id DESC LIMIT 1) END))
FROM task_instance t
WHERE t.instance_id = :instance_id AND t.table_id IN (SELECT "value" FROM json_each(:table_ids))
  AND (:start IS NULL OR t.start_at IS NULL OR (t.start_at < :end AND t.end_at > :start))
GROUP BY t.table_id

-- name: failed
SELECT t.table_id, t.task_id, t.name, t.state, t.start_at, t.end_at, t.intervals, t.tries, t.max_tries, t.why,
       (SELECT substr(a.error, 1, 300) FROM attempt a WHERE a.task_id = t.task_id ORDER BY a.attempt_id DESC LIMIT 1)
FROM task_instance t
WHERE t.instance_id = :instance_id AND t.state = 'failed' AND t.table_id IS NOT NULL ORDER BY t.task_id LIMIT :limit

-- name: speeds
SELECT m.name, a.seconds / a.intervals FROM materialized_table m
JOIN attempt a ON a.attempt_id IN (SELECT e.attempt_id FROM attempt e
                                   WHERE e.table_id = m.table_id AND e.outcome = 'success' AND e.intervals > 0
                                   ORDER BY e.attempt_id DESC LIMIT :newest)
WHERE m.dropped_at IS NULL AND m.name IN (SELECT "value" COLLATE NOCASE FROM json_each(:names))
  AND a.seconds IS NOT NULL

-- name: open_tasks
SELECT i.ulid, i.title, m.name, t.state, t.start_at, t.end_at
FROM materialized_table m
JOIN task_instance t ON t.table_id = m.table_id AND t.ended_at IS NULL
JOIN workflow_instance i ON i.instance_id = t.instance_id
WHERE m.dropped_at IS NULL AND m.name IN (SELECT "value" COLLATE NOCASE FROM json_each(:names))
  AND (:start IS NULL OR t.start_at IS NULL OR (t.start_at < :end AND t.end_at > :start))
ORDER BY t.state <> 'running', t.task_id LIMIT :limit
