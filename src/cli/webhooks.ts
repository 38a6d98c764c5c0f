import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { SetupError } from '../domain/setup-error.ts';
import type { NotifierOptions } from '../notices/notifier.ts';
import { readSecret } from '../notices/secret.ts';

/** An option's value that may be given more than once, and an environment variable with blanks between its addresses. */
export function collectAddresses(text: string, earlier: readonly string[] = []): readonly string[] {
  const given = text.split(/\s+/).filter((word) => word !== '');
  for (const url of given) {
    if (!URL.canParse(url) || !/^https?:\/\//.test(url))
      throw new InvalidArgumentError('Write it as https://example.org/hook.');
    const { username, password } = new URL(url);
    if (username !== '' || password !== '') throw new InvalidArgumentError('It cannot have a user and a password.');
  }
  return [...new Set([...earlier, ...given])];
}

/** @throws SetupError when there is no secret to sign with */
export function chooseWebhooks(
  urls: readonly string[],
  secretFile: string | undefined,
): Pick<NotifierOptions, 'urls' | 'key'> | undefined {
  if (urls.length === 0) return undefined;
  if (secretFile === undefined)
    throw new SetupError(
      '--webhook needs --webhook-secret-file, the file with the secret that notices are signed with.',
    );
  return { urls, key: readSecret(readSecretFile(secretFile), secretFile) };
}

function readSecretFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new SetupError(`The secret file "${file}" cannot be read: ${(error as Error).message}`);
  }
}
