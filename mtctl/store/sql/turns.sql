-- Whose turn it is.

-- name: pick
-- The first claimable task of each queue that has a slot free, among those that nobody owns. Slots are derived from
-- live leases, never counted up and down; a full or paused queue costs no look at its tasks.
SELECT t.turn_at, t.task_id
FROM queue q CROSS JOIN task_instance t
WHERE q.paused = 0
  AND q.slots > (SELECT count(*) FROM task_instance r JOIN attempt a ON a.attempt_id = r.attempt_id
                 WHERE r.state = 'running' AND r.queue = q.name AND a.boot_id = :boot_id AND a.lease_until > :boottime)
  AND t.task_id =
    (SELECT p.task_id FROM task_instance p CROSS JOIN workflow_instance i
     WHERE p.state = 'pending' AND p.queue = q.name AND p.ready_at <= :now AND p.cancel_requested_at IS NULL
       AND i.instance_id = p.instance_id AND i.holder_id IS NULL AND i.cancel_requested_at IS NULL
       AND NOT EXISTS (SELECT 1 FROM task_instance r WHERE r.state = 'running' AND r.table_id = p.table_id)
       AND (i.max_parallel IS NULL OR i.max_parallel >
            (SELECT count(*) FROM task_instance r WHERE r.state = 'running' AND r.instance_id = i.instance_id))
       AND (i.serial = 0 OR NOT EXISTS
            (SELECT 1 FROM workflow_instance o
             WHERE o.workflow_id = i.workflow_id AND o.ended_at IS NULL AND o.instance_id <> i.instance_id
               AND (o.instance_id < i.instance_id OR (o.serial = 1 AND EXISTS
                    (SELECT 1 FROM task_instance r WHERE r.instance_id = o.instance_id AND r.state = 'running')))))
     ORDER BY p.turn_at, p.task_id LIMIT 1)

-- name: pick_of_instance
-- The same of one instance, whoever owns it.
SELECT t.turn_at, t.task_id
FROM queue q CROSS JOIN task_instance t
WHERE q.paused = 0
  AND q.slots > (SELECT count(*) FROM task_instance r JOIN attempt a ON a.attempt_id = r.attempt_id
                 WHERE r.state = 'running' AND r.queue = q.name AND a.boot_id = :boot_id AND a.lease_until > :boottime)
  AND t.task_id =
    (SELECT p.task_id FROM workflow_instance i CROSS JOIN task_instance p
     WHERE i.instance_id = :instance_id AND p.instance_id = i.instance_id
       AND p.state = 'pending' AND p.queue = q.name AND p.ready_at <= :now AND p.cancel_requested_at IS NULL
       AND i.cancel_requested_at IS NULL
       AND NOT EXISTS (SELECT 1 FROM task_instance r WHERE r.state = 'running' AND r.table_id = p.table_id)
       AND (i.max_parallel IS NULL OR i.max_parallel >
            (SELECT count(*) FROM task_instance r WHERE r.state = 'running' AND r.instance_id = i.instance_id))
       AND (i.serial = 0 OR NOT EXISTS
            (SELECT 1 FROM workflow_instance o
             WHERE o.workflow_id = i.workflow_id AND o.ended_at IS NULL AND o.instance_id <> i.instance_id
               AND (o.instance_id < i.instance_id OR (o.serial = 1 AND EXISTS
                    (SELECT 1 FROM task_instance r WHERE r.instance_id = o.instance_id AND r.state = 'running')))))
     ORDER BY p.turn_at, p.task_id LIMIT 1)

-- name: next_ready
SELECT min(t.ready_at) FROM task_instance t JOIN workflow_instance i ON i.instance_id = t.instance_id
WHERE t.state = 'pending' AND i.holder_id IS NULL AND i.cancel_requested_at IS NULL

-- name: is_open
SELECT 1 FROM workflow_instance WHERE instance_id = :instance_id AND ended_at IS NULL

-- name: held_up
-- By what runs: that is little, however many tasks wait.
SELECT t.name, h.command
FROM task_instance r CROSS JOIN task_instance t
JOIN attempt a ON a.attempt_id = r.attempt_id
JOIN holder h ON h.holder_id = a.holder_id
WHERE r.state = 'running' AND r.table_id IS NOT NULL
  AND t.table_id = r.table_id AND t.state = 'pending' AND t.ended_at IS NULL AND t.instance_id = :instance_id
ORDER BY t.task_id LIMIT 1
