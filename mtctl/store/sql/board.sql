-- What dashboards read: a screenful at a time. The index holds all that a filter or an order needs, so that a list of
-- 100,000 instances is walked without their manifests.

-- name: newest
SELECT i.instance_id, i.ulid, i.title, i.state, i.trigger, i.started_at, i.ended_at
FROM workflow_instance i INDEXED BY instance_listed
WHERE (:states IS NULL OR i.state IN (SELECT "value" FROM json_each(:states)))
  AND (:triggers IS NULL OR EXISTS (SELECT 1 FROM json_each(:triggers) p WHERE i.trigger GLOB p."value"))
  AND (:words IS NULL OR NOT EXISTS (SELECT 1 FROM json_each(:words) p
       WHERE instr(lower(i.title || ' ' || i.ulid || ' ' || i.state || ' ' || i.trigger), p."value") = 0))
  AND (:workflows IS NULL OR i.workflow_id IN (SELECT w.workflow_id FROM workflow w, json_each(:workflows) p
                                               WHERE lower(w.name) GLOB p."value"))
  AND (:queues IS NULL OR EXISTS (SELECT 1 FROM json_each(:queues) p WHERE lower(i.queue) GLOB p."value"))
  AND (:tables IS NULL OR i.instance_id IN (SELECT t.instance_id FROM task_instance t, materialized_table m,
       json_each(:tables) p WHERE t.table_id = m.table_id AND lower(m.name) GLOB p."value"))
  AND (:tags IS NULL OR NOT EXISTS (SELECT 1 FROM json_each(:tags) p WHERE NOT EXISTS (
       SELECT 1 FROM workflow_instance f, json_each(f.tags) g WHERE f.instance_id = i.instance_id
         AND lower(g."key") = p."value" ->> 0 AND (p."value" ->> 1 = '' OR lower(g."value") = p."value" ->> 1))))
  AND (:ranged IS NULL OR EXISTS (SELECT 1 FROM task_instance t INDEXED BY task_ranged
       WHERE t.instance_id = i.instance_id AND t.start_at > -62135596800000000
       GROUP BY t.table_id HAVING sum(t.interval_count) > 1))
ORDER BY i.instance_id DESC LIMIT :limit OFFSET :offset

-- name: counts
SELECT state, count(*) FROM workflow_instance INDEXED BY instance_listed GROUP BY state

-- name: last_states
SELECT w.workflow_id, i.state FROM workflow w JOIN workflow_instance i ON i.instance_id = (
  SELECT max(n.instance_id) FROM workflow_instance n WHERE n.workflow_id = w.workflow_id)

-- name: strips
SELECT j."value", a.outcome FROM json_each(:table_ids) j
JOIN attempt a ON a.attempt_id IN (SELECT e.attempt_id FROM attempt e WHERE e.table_id = j."value"
                                   ORDER BY e.attempt_id DESC LIMIT :length)
ORDER BY j."value", a.attempt_id

-- name: running_of
SELECT intervals, start_at, end_at FROM task_instance WHERE table_id = :table_id AND state = 'running'

-- name: failed_last
SELECT t.intervals, t.start_at, t.end_at
FROM attempt a JOIN task_instance t ON t.task_id = a.task_id
WHERE a.attempt_id = (SELECT e.attempt_id FROM attempt e WHERE e.table_id = :table_id AND e.outcome IS NOT NULL
                      ORDER BY e.attempt_id DESC LIMIT 1)
  AND t.state = 'failed'
