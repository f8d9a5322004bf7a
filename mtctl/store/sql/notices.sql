-- Notices, and how far their maker has read the events.

-- name: mark
SELECT event_id FROM reader_mark WHERE name = :name

-- name: set_mark
INSERT INTO reader_mark (name, event_id) VALUES (:name, :event_id)
ON CONFLICT (name) DO UPDATE SET event_id = max(event_id, excluded.event_id)

-- name: events_after
SELECT event_id, at, kind, table_id, instance_id, task_id, attempt_id, detail, actor, workflow_id FROM event
WHERE event_id > :event_id ORDER BY event_id LIMIT :limit

-- name: add
INSERT INTO notice (key, channel, occasion, body, created_at, next_at)
VALUES (:key, :channel, :occasion, :body, :now, :next_at)
ON CONFLICT (key) DO NOTHING

-- name: due
SELECT notice_id, key, channel, occasion, body, created_at, tries, next_at, sent_at, error FROM notice
WHERE next_at <= :now ORDER BY next_at, notice_id LIMIT :limit

-- name: sent
UPDATE notice SET sent_at = :now, next_at = NULL, tries = tries + 1, error = NULL
WHERE notice_id = :notice_id AND sent_at IS NULL

-- name: failed
UPDATE notice SET tries = tries + 1, error = :error, next_at = :next_at WHERE notice_id = :notice_id AND sent_at IS NULL

-- name: hold
UPDATE notice SET next_at = max(next_at, :until) WHERE notice_id = :notice_id AND next_at IS NOT NULL

-- name: last_event
SELECT coalesce(max(event_id), 0) FROM event
