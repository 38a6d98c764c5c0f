import { once } from 'node:events';

/** Writes to stdout no faster than it is read: a long answer waits there, not in memory. */
export async function print(text: string): Promise<void> {
  if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain');
}
