-- How all tables stand: a statement for the whole list, however many attempts there were.

-- name: rows
SELECT m.table_id, m.name, m.origin, m.file, v.outline, m.created_at, v.created_at,
       (SELECT json_group_array(r.upstream_id) FROM table_read r WHERE r.table_id = m.table_id),
       a.outcome, a.ended_at, a.seconds, coalesce(a.error_code, ''), coalesce(a.error, ''),
       l.name, l.state, l.why, l.tries, i.ulid,
       (SELECT s.ended_at FROM attempt s WHERE s.table_id = m.table_id AND s.outcome = 'success'
        ORDER BY s.attempt_id DESC LIMIT 1),
       (SELECT json_array(t.task_id, t.name, o.ulid, t.state, t.why, t.ready_at, t.waits_for, t.tries, t.max_tries,
                          t.started_at, t.cancel_requested_at IS NOT NULL OR o.cancel_requested_at IS NOT NULL,
                          t.queue, q.slots, q.paused,
                          (SELECT count(*) FROM task_instance r WHERE r.state = 'running' AND r.queue = t.queue),
                          coalesce(e.error_code, ''), coalesce(e.error, ''))
        FROM task_instance t
        JOIN workflow_instance o ON o.instance_id = t.instance_id
        JOIN queue q ON q.name = t.queue
        LEFT JOIN attempt e ON e.attempt_id = (SELECT n.attempt_id FROM attempt n WHERE n.task_id = t.task_id
                                               ORDER BY n.attempt_id DESC LIMIT 1)
        WHERE t.task_id = (SELECT f.task_id FROM task_instance f WHERE f.table_id = m.table_id AND f.ended_at IS NULL
                           ORDER BY CASE f.state WHEN 'running' THEN 0 WHEN 'pending' THEN 1 WHEN 'suspended' THEN 2
                                                 ELSE 3 END, f.task_id LIMIT 1)),
       (SELECT json_group_array(coalesce(p.outcome, 'running')) FROM
         (SELECT e.outcome FROM attempt e WHERE e.table_id = m.table_id ORDER BY e.attempt_id DESC LIMIT :strip) p),
       (SELECT json_group_array(json_array(c.state, c.number)) FROM
         (SELECT t.state, count(*) AS number FROM
           (SELECT DISTINCT n.task_id FROM (SELECT e.task_id FROM attempt e WHERE e.table_id = m.table_id
                                            ORDER BY e.attempt_id DESC LIMIT :counted) n) d
          JOIN task_instance t ON t.task_id = d.task_id AND t.ended_at IS NOT NULL GROUP BY t.state
          UNION ALL
          SELECT t.state, count(*) FROM task_instance t WHERE t.table_id = m.table_id AND t.ended_at IS NULL
          GROUP BY t.state) c)
FROM materialized_table m
JOIN table_version v ON v.version_id = m.version_id
LEFT JOIN attempt a ON a.attempt_id = (SELECT e.attempt_id FROM attempt e
                                       WHERE e.table_id = m.table_id AND e.outcome IS NOT NULL
                                       ORDER BY e.attempt_id DESC LIMIT 1)
LEFT JOIN task_instance l ON l.task_id = a.task_id
LEFT JOIN workflow_instance i ON i.instance_id = l.instance_id
WHERE m.dropped_at IS NULL ORDER BY m.name

-- name: flows
SELECT lower(t."value" ->> '$.spec.table'), w.name, w.state, v.definition ->> '$.schedule.text', w.next_fire_at, w.due_at
FROM workflow w JOIN workflow_version v ON v.workflow_id = w.workflow_id AND v.version = w.version,
     json_each(v.definition, '$.tasks') t
WHERE w.dropped_at IS NULL AND t."value" ->> '$.spec.table' IS NOT NULL

-- name: turned
-- Of each stale interval: when it was published, and the first change of a file or an upstream table after that.
SELECT l.table_id, a.ended_at,
       (SELECT min(n.seen_at) FROM source_set_file s JOIN source_file f ON f.source_id = s.source_id AND f.current = 0
        JOIN source_file n ON n.path = f.path AND n.current = 1 WHERE s.source_set_id = l.source_set_id),
       (SELECT min((SELECT u.ended_at FROM attempt u
                    WHERE u.table_id = r.upstream_id AND u.attempt_id > a.attempt_id AND u.outcome = 'success'
                    ORDER BY u.attempt_id LIMIT 1))
        FROM table_read r WHERE r.table_id = l.table_id)
FROM json_each(:stale) j
CROSS JOIN ledger l ON l.table_id = j."value" ->> 0 AND l.start_at = j."value" ->> 1 AND l.end_snapshot IS NULL
JOIN attempt a ON a.attempt_id = l.attempt_id

-- name: sources
SELECT j."value", count(*), max(max(f.mtime_ns / 1000, 0))
FROM json_each(:patterns) j CROSS JOIN source_file f ON f.current = 1 AND (f.path = j."value" OR f.path GLOB j."value")
GROUP BY j."value"
