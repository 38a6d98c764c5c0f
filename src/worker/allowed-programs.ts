import { basename, extname, resolve } from 'node:path';
import { SetupError } from '../domain/setup-error.ts';
import { locateProgram } from './find-blender.ts';

/** A program that the worker's owner lets tasks run. */
export interface AllowedProgram {
  /** What tasks call it. */
  readonly name: string;
  readonly path: string;
}

const NAME = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * Reads `--allow-program [NAME=]PATH`, where PATH may be a name in PATH; without NAME it is called as its file, without `.exe`.
 * @throws SetupError when it is not there, has no name that tasks could use, or has another one's
 */
export function findAllowedPrograms(wanted: readonly string[]): readonly AllowedProgram[] {
  const programs = wanted.map(findAllowedProgram);
  const twice = programs.find(({ name }, index) => programs.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) {
    throw new SetupError(`Two allowed programs are called "${twice.name}": name one with --allow-program NAME=PATH.`);
  }
  return programs;
}

function findAllowedProgram(wanted: string): AllowedProgram {
  const at = wanted.indexOf('=');
  const isNamed = NAME.test(wanted.slice(0, Math.max(0, at)));
  const place = isNamed ? wanted.slice(at + 1) : wanted;
  const path = locateProgram(place);
  if (path === undefined) throw new SetupError(`--allow-program ${wanted}: "${place}" is not there, or is no program.`);
  const file = basename(path);
  const name = isNamed ? wanted.slice(0, at) : extname(file).toLowerCase() === '.exe' ? file.slice(0, -4) : file;
  if (NAME.test(name)) return { name, path: resolve(path) };
  throw new SetupError(
    `--allow-program ${wanted}: give it a name of A–Z a–z 0–9 . _ -, as --allow-program NAME=${place}.`,
  );
}
