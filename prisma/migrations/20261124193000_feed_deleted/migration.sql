-- Up to where events have been deleted: a cursor behind it has missed nothing, however old it is.
ALTER TABLE feed_epoch
  ADD COLUMN deleted_xid    xid8 NOT NULL DEFAULT '0',
  ADD COLUMN deleted_id     bigint NOT NULL DEFAULT 0,
  ADD COLUMN deleted_offset integer NOT NULL DEFAULT 0;
-- What has been deleted so far is not known: nothing behind the end has been.
UPDATE feed_epoch SET deleted_xid = xid, deleted_id = event.id, deleted_offset = greatest(1, cardinality(task_ids))
  FROM (SELECT xid, id, task_ids FROM event ORDER BY event.xid DESC, event.id DESC LIMIT 1) AS event;
