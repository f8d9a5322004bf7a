-- What `status` shows of a definition, beside it: reading a thousand whole ones takes longer than all else it does.
-- `tables.add_version` writes both, and a version never changes, so that the two cannot differ.

ALTER TABLE table_version ADD COLUMN outline TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(outline));
UPDATE table_version
SET outline = json_extract(definition, '$.mode', '$.zone', '$.partition', '$.start', '$.end', '$.delay', '$.open',
                           '$.schedule', '$.freshness', '$.comment', '$.tags');
