-- Where a task's frames begin and end, so that a page of frames is read without the frames before it.
ALTER TABLE task ADD COLUMN first_frame integer, ADD COLUMN last_frame integer;
UPDATE task SET
  first_frame = substring(frames FROM '^-?\d+')::integer,
  last_frame = CASE WHEN frames ~ '\d-\d+(x\d+)?$' THEN substring(frames FROM '-(\d+)(?:x\d+)?$') ELSE substring(frames FROM '(-?\d+)(?:x\d+)?$') END::integer
  WHERE frames IS NOT NULL;
ALTER TABLE task ADD CHECK ((frames IS NULL) = (first_frame IS NULL) AND (frames IS NULL) = (last_frame IS NULL));
CREATE INDEX task_frames_idx ON task (job_id, status, first_frame, index) WHERE first_frame IS NOT NULL;

-- Naming frames has them rendered again, too.
ALTER TABLE task RENAME COLUMN completed_once TO renders_anew;

ALTER TABLE job ADD COLUMN frame_span integer NOT NULL DEFAULT 0, ADD COLUMN latest_output_id uuid;
UPDATE job SET
  frame_span = coalesce((SELECT max(last_frame - first_frame) FROM task WHERE job_id = job.id), 0),
  latest_output_id = (SELECT id FROM output WHERE job_id = job.id AND frame IS NOT NULL ORDER BY created_at DESC, id DESC LIMIT 1);
