import { userInfo } from 'node:os';

/** Who is at the keyboard; undefined where the system does not know: a container's user may have no name. */
export function readUserName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}
