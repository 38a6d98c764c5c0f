import { InvalidInputError, NotFoundError } from '../domain/errors.ts';
import { query, type Statement } from './database.ts';
import type { Store } from './store.ts';

export interface WorkerUpdate {
  readonly name?: string | null;
  /** null: what the worker brings when it signs on. */
  readonly tags?: readonly string[] | null;
  readonly taskTypes?: readonly string[] | null;
}

const UPDATE: Statement = {
  name: 'update-worker',
  text: `UPDATE worker SET name = coalesce($2, name), tags = coalesce($3::text[], tags), task_types = coalesce($4::text[], task_types),
      has_fixed_tags = CASE WHEN $5 THEN $3 IS NOT NULL ELSE has_fixed_tags END,
      has_fixed_task_types = CASE WHEN $6 THEN $4 IS NOT NULL ELSE has_fixed_task_types END
    WHERE id = $1 AND deleted_at IS NULL`,
};
const UNIQUE_VIOLATION = '23505';

/**
 * Changes a worker's name, tags or task types. Tags and task types that a user has set stand for what the worker brings.
 *
 * @throws NotFoundError, InvalidInputError when the name is taken
 */
export async function updateWorker(store: Store, workerId: string, update: WorkerUpdate): Promise<void> {
  const values = [
    workerId,
    update.name ?? null,
    update.tags ?? null,
    update.taskTypes ?? null,
    update.tags !== undefined,
    update.taskTypes !== undefined,
  ];
  const { rowCount } = await query(store.pool, UPDATE, values).catch((error: { code?: string }) => {
    if (error.code !== UNIQUE_VIOLATION) throw error;
    throw new InvalidInputError([
      {
        path: ['name'],
        message: 'is the name of another worker.',
        given: update.name,
        allowed: 'a name that no other worker has',
      },
    ]);
  });
  if (rowCount === 0) throw new NotFoundError('worker', workerId);
  store.announce({ jobIds: new Set(), workerIds: new Set([workerId]), mayHaveWork: true });
}
