import { decodeCursor, type EventCursor, type LogCursor } from '../feed/cursor.ts';
import { badRequest } from './page.ts';

/**
 * A cursor as it was given; null when none was. Whether it still holds, the stream says.
 *
 * @throws GraphQLError BAD_REQUEST for what is no cursor
 */
export function readCursorArgument(after: string | null | undefined): EventCursor | LogCursor | null {
  if (after == null) return null;
  const cursor = decodeCursor(after);
  if (!cursor) throw badRequest('after is no cursor: give one that a change, a batch or a mutation came with.');
  return cursor;
}
