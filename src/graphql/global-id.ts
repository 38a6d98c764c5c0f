import { validate as isUuid, NIL } from 'uuid';
import { NotFoundError } from '../domain/errors.ts';

const NOUNS = { Job: 'job', Task: 'task', Attempt: 'attempt', Worker: 'worker' } as const;
export type Noun = keyof typeof NOUNS;

/** The global id of a stored thing. */
export function encodeId(noun: Noun, id: string): string {
  return Buffer.from(`${noun}:${id}`).toString('base64');
}

/** The stored id behind a global one; null when it is not one of this noun. */
export function decodeId(noun: Noun, globalId: string): string | null {
  const [type, id] = Buffer.from(globalId, 'base64').toString('utf8').split(':');
  return type === noun && id && isUuid(id) ? id : null;
}

/** What a global id names. One that we never gave out names a job that cannot exist: whoever looks it up finds nothing. */
export function parseId(globalId: string): { typename: Noun; id: string } {
  const noun = (Object.keys(NOUNS) as Noun[]).find((each) => decodeId(each, globalId));
  return noun ? { typename: noun, id: decodeId(noun, globalId)! } : { typename: 'Job', id: NIL };
}

/**
 * The stored id behind a global one.
 *
 * @throws NotFoundError
 */
export function requireId(noun: Noun, globalId: string): string {
  const id = decodeId(noun, globalId);
  if (!id) throw new NotFoundError(NOUNS[noun], globalId);
  return id;
}

/** The same error with the global id, which is the one that the caller knows. */
export function globaliseNotFound(error: NotFoundError): NotFoundError {
  const noun = (Object.keys(NOUNS) as Noun[]).find((each) => NOUNS[each] === error.noun);
  return noun && isUuid(error.id) ? new NotFoundError(error.noun, encodeId(noun, error.id)) : error;
}
