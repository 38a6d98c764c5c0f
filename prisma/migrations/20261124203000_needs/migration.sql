-- What a job's tasks need of a worker, by task type: {"blender": ["blender:5.2", "root:proj"]}; and what a worker offers.
ALTER TABLE job ADD COLUMN needs jsonb NOT NULL DEFAULT '{}';
ALTER TABLE worker ADD COLUMN offers text[] NOT NULL DEFAULT '{}';
ALTER TABLE worker ADD COLUMN devices jsonb NOT NULL DEFAULT '[]';
-- Workers that are signed on now offer the Blenders that they named.
UPDATE worker SET offers = ARRAY(
  SELECT DISTINCT 'blender:' || word
  FROM unnest(blender_versions) AS version, LATERAL (VALUES (version), (substring(version FROM '^[^.]+\.[^.]+'))) AS of_version (word)
  WHERE word LIKE '%.%' ORDER BY 1);
