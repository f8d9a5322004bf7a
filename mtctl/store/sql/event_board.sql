-- What dashboards read of events: a screenful of the newest. Triggers, queues and tags are of instances: no event passes
-- a filter that asks for one.

-- name: newest
SELECT e.event_id, e.at, e.kind, e.table_id, e.instance_id, e.task_id, e.attempt_id, e.detail, e.actor, e.workflow_id
FROM event e
WHERE e.event_id > (SELECT coalesce(max(event_id), 0) FROM event) - :newest
  AND (:states IS NULL OR e.kind IN (SELECT "value" FROM json_each(:states)))
  AND (:words IS NULL OR NOT EXISTS (SELECT 1 FROM json_each(:words) p
       WHERE instr(lower(e.kind || ' ' || coalesce(e.actor, '') || ' ' || e.detail), p."value") = 0))
  AND (:tables IS NULL OR e.table_id IN (SELECT m.table_id FROM materialized_table m, json_each(:tables) p
                                         WHERE lower(m.name) GLOB p."value"))
  AND (:workflows IS NULL OR coalesce(e.workflow_id, (SELECT i.workflow_id FROM workflow_instance i
                                                      WHERE i.instance_id = e.instance_id)) IN (
       SELECT w.workflow_id FROM workflow w, json_each(:workflows) p WHERE lower(w.name) GLOB p."value"))
  AND :others IS NULL
ORDER BY e.event_id DESC LIMIT :limit OFFSET :offset
