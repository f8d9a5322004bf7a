-- Workflows that run themselves: files and versions, the fires they made, tasks of every kind, queues, notices.
-- Only additions, so that a state file of an earlier version is brought here in place.

ALTER TABLE workflow ADD COLUMN origin TEXT NOT NULL DEFAULT 'table' CHECK (origin IN ('table', 'file', 'command'));
ALTER TABLE workflow ADD COLUMN file TEXT;
ALTER TABLE workflow ADD COLUMN file_sha256 TEXT;
ALTER TABLE workflow ADD COLUMN file_size INTEGER;
ALTER TABLE workflow ADD COLUMN file_mtime_ns INTEGER;
-- The high-water mark: the newest fire that was made or skipped. It only moves forward, with the rows it stands for.
ALTER TABLE workflow ADD COLUMN last_fire_at INTEGER;
ALTER TABLE workflow ADD COLUMN due_at INTEGER;          -- next_fire_at and its jitter
ALTER TABLE workflow ADD COLUMN changed_at INTEGER;
CREATE INDEX workflow_due ON workflow (due_at) WHERE state = 'enabled' AND due_at IS NOT NULL AND dropped_at IS NULL;

CREATE TABLE skipped_fire (                -- fires that made no instance, a range a row, and why
  skipped_id     INTEGER PRIMARY KEY,
  workflow_id    INTEGER NOT NULL REFERENCES workflow (workflow_id),
  first_fire_at  INTEGER NOT NULL,
  last_fire_at   INTEGER NOT NULL,
  fires          INTEGER,                  -- NULL: not counted
  reason         TEXT NOT NULL,
  at             INTEGER NOT NULL,
  CHECK (first_fire_at <= last_fire_at)
) STRICT;
CREATE INDEX skipped_of_workflow ON skipped_fire (workflow_id, skipped_id);

ALTER TABLE workflow_instance ADD COLUMN fire_at INTEGER;          -- end of the data interval that logical_date begins
ALTER TABLE workflow_instance ADD COLUMN key TEXT;                 -- idempotency key of whoever asked
ALTER TABLE workflow_instance ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;     -- 0 manual, 1 scheduled, 2 catch-up, 3 backfill
ALTER TABLE workflow_instance ADD COLUMN serial INTEGER NOT NULL DEFAULT 0 CHECK (serial IN (0, 1)); -- waits for older ones
ALTER TABLE workflow_instance ADD COLUMN variables TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(variables));
ALTER TABLE workflow_instance ADD COLUMN notify TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(notify));
ALTER TABLE workflow_instance ADD COLUMN tags TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(tags));
-- Open ones are found by who owns them; their state changes too often to be a key.
DROP INDEX instance_open;
CREATE INDEX instance_open ON workflow_instance (holder_id) WHERE ended_at IS NULL;
DROP INDEX instance_recent;
CREATE UNIQUE INDEX instance_key_once ON workflow_instance (key) WHERE key IS NOT NULL;
CREATE INDEX instance_of_workflow ON workflow_instance (workflow_id, instance_id) WHERE workflow_id IS NOT NULL;
CREATE INDEX instance_open_of_workflow ON workflow_instance (workflow_id, instance_id)
  WHERE ended_at IS NULL AND workflow_id IS NOT NULL;

ALTER TABLE task_instance ADD COLUMN spec TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(spec));  -- what to do, frozen
-- Who waits longest goes first; each step of priority is worth a minute of waiting, each rank forty.
ALTER TABLE task_instance ADD COLUMN turn_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task_instance ADD COLUMN waits_for INTEGER REFERENCES materialized_table (table_id);  -- an upstream not fresh
ALTER TABLE task_instance ADD COLUMN retry_lost INTEGER NOT NULL DEFAULT 1 CHECK (retry_lost IN (0, 1));
ALTER TABLE task_instance ADD COLUMN cancel_requested_at INTEGER;
-- A full or paused queue is passed over without a look at its tasks; within one, and within an instance, by turn.
DROP INDEX task_claimable;
CREATE INDEX task_claimable ON task_instance (queue, turn_at, task_id) WHERE state = 'pending';
DROP INDEX task_of_instance;
CREATE INDEX task_of_instance ON task_instance (instance_id, state, turn_at);
-- Most tasks of workflows may have no table: they leave these alone.
DROP INDEX one_writer_per_table;
CREATE UNIQUE INDEX one_writer_per_table ON task_instance (table_id) WHERE state = 'running' AND table_id IS NOT NULL;
DROP INDEX task_open_of_table;
CREATE INDEX task_open_of_table ON task_instance (table_id) WHERE ended_at IS NULL AND table_id IS NOT NULL;
DROP INDEX attempt_of_table;
CREATE INDEX attempt_of_table ON attempt (table_id, attempt_id) WHERE table_id IS NOT NULL;
CREATE INDEX task_waiting ON task_instance (waits_for) WHERE waits_for IS NOT NULL;

ALTER TABLE queue ADD COLUMN memory TEXT;                -- of a runner that works for this queue; NULL: the project's
ALTER TABLE queue ADD COLUMN threads INTEGER CHECK (threads IS NULL OR threads > 0);
ALTER TABLE queue ADD COLUMN paused_why TEXT NOT NULL DEFAULT '';
ALTER TABLE queue ADD COLUMN dropped_at INTEGER;         -- the history still names it

CREATE TABLE holder_group (                -- process groups that a holder has started: killed when it is found dead
  holder_id      INTEGER NOT NULL REFERENCES holder (holder_id),
  process_group  INTEGER NOT NULL,
  started        INTEGER NOT NULL,         -- clock ticks since boot of its leader
  PRIMARY KEY (holder_id, process_group)
) STRICT, WITHOUT ROWID;

ALTER TABLE event ADD COLUMN actor TEXT NOT NULL DEFAULT '';       -- the user who asked for it

CREATE TABLE reader_mark (                 -- how far somebody has read the events
  name           TEXT PRIMARY KEY,
  event_id       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE notice (                      -- one message to one channel about one thing, told once
  notice_id      INTEGER PRIMARY KEY,
  key            TEXT NOT NULL UNIQUE,     -- channel, occasion and what it is about
  channel        TEXT NOT NULL,
  occasion       TEXT NOT NULL CHECK (occasion IN ('start', 'success', 'failure', 'recovery', 'late')),
  body           TEXT NOT NULL CHECK (json_valid(body)),
  created_at     INTEGER NOT NULL,
  tries          INTEGER NOT NULL DEFAULT 0,
  next_at        INTEGER,                  -- NULL once sent or given up
  sent_at        INTEGER,
  error          TEXT
) STRICT;
CREATE INDEX notice_due ON notice (next_at) WHERE next_at IS NOT NULL;

-- Priorities are -20 to 19 now, and what is open has its turn by its age.
UPDATE workflow_instance SET priority = 0;
UPDATE task_instance SET priority = 0;
UPDATE task_instance
SET turn_at = (SELECT i.created_at FROM workflow_instance i WHERE i.instance_id = task_instance.instance_id)
WHERE ended_at IS NULL;
