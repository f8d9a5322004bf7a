-- One queue for dashboards: numbers from indexes, and a part of its tasks, however many there are.

-- name: queue
SELECT q.name, q.slots, q.paused, q.paused_why, q.memory, q.threads,
       (SELECT count(*) FROM task_instance r WHERE r.state = 'running' AND r.queue = q.name),
       (SELECT count(*) FROM task_instance r JOIN attempt a ON a.attempt_id = r.attempt_id
        WHERE r.state = 'running' AND r.queue = q.name AND a.boot_id = :boot_id AND a.lease_until > :boottime),
       (SELECT count(*) FROM task_instance p WHERE p.state = 'pending' AND p.queue = q.name),
       (SELECT i.created_at FROM task_instance p JOIN workflow_instance i ON i.instance_id = p.instance_id
        WHERE p.state = 'pending' AND p.queue = q.name ORDER BY p.turn_at, p.task_id LIMIT 1)
FROM queue q WHERE q.name = :name AND q.dropped_at IS NULL

-- name: running
SELECT t.task_id, t.name, i.ulid, i.title, t.state, m.name, t.interval_count, t.priority, i.rank,
       i.created_at, a.started_at, t.ready_at, t.why, t.tries, t.max_tries, '', '', h.command, NULL,
       t.cancel_requested_at IS NOT NULL OR i.cancel_requested_at IS NOT NULL, NULL, NULL, '', NULL, 0
FROM task_instance t
JOIN workflow_instance i ON i.instance_id = t.instance_id
JOIN attempt a ON a.attempt_id = t.attempt_id
JOIN holder h ON h.holder_id = a.holder_id
LEFT JOIN materialized_table m ON m.table_id = t.table_id
WHERE t.state = 'running' AND t.queue = :name
ORDER BY a.started_at, t.task_id LIMIT :limit OFFSET :offset

-- name: waiting
-- The part is cut by the index of turns; what may hold a task up is looked for in the part only, as `turns.pick` does.
SELECT p.task_id, p.name, i.ulid, i.title, p.state, m.name, p.interval_count, p.priority, i.rank,
       i.created_at, NULL, p.ready_at, p.why, p.tries, p.max_tries, coalesce(e.error_code, ''), coalesce(e.error, ''),
       '', h.command, p.cancel_requested_at IS NOT NULL OR i.cancel_requested_at IS NOT NULL, u.name,
       CASE WHEN i.serial = 1 THEN
         (SELECT o.ulid || ' (' || o.state || ')' FROM workflow_instance o
          WHERE o.workflow_id = i.workflow_id AND o.ended_at IS NULL AND o.instance_id <> i.instance_id
            AND (o.instance_id < i.instance_id OR (o.serial = 1 AND EXISTS
                 (SELECT 1 FROM task_instance r WHERE r.instance_id = o.instance_id AND r.state = 'running')))
          ORDER BY o.instance_id LIMIT 1) END,
       coalesce((SELECT b.command FROM task_instance r JOIN attempt x ON x.attempt_id = r.attempt_id
                 JOIN holder b ON b.holder_id = x.holder_id WHERE r.state = 'running' AND r.table_id = p.table_id), ''),
       i.max_parallel,
       (SELECT count(*) FROM task_instance r WHERE r.state = 'running' AND r.instance_id = i.instance_id)
FROM (SELECT t.task_id FROM task_instance t WHERE t.state = 'pending' AND t.queue = :name
      ORDER BY t.turn_at, t.task_id LIMIT :limit OFFSET :offset) w
CROSS JOIN task_instance p ON p.task_id = w.task_id
JOIN workflow_instance i ON i.instance_id = p.instance_id
LEFT JOIN holder h ON h.holder_id = i.holder_id AND h.ended_at IS NULL
LEFT JOIN materialized_table m ON m.table_id = p.table_id
LEFT JOIN materialized_table u ON u.table_id = p.waits_for
LEFT JOIN attempt e ON e.attempt_id = (SELECT n.attempt_id FROM attempt n WHERE n.task_id = p.task_id
                                       ORDER BY n.attempt_id DESC LIMIT 1)
ORDER BY p.turn_at, p.task_id
