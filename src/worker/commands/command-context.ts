import type { AllowedProgram } from '../allowed-programs.ts';
import type { BlenderPool } from '../blender-pool.ts';
import type { Assignment, Output, Progress } from '../gateway-client.ts';
import type { LogSpool } from '../log-spool.ts';

/** What a command finds while it is executed. */
export interface CommandContext {
  readonly assignment: Assignment;
  /** Aborts when the attempt is stopped; its reason is to be thrown, after everything started has ended. */
  readonly signal: AbortSignal;
  readonly log: LogSpool;
  readonly blender: BlenderPool;
  /** What its owner lets tasks run. */
  readonly programs: readonly AllowedProgram[];
  /** Where running programs are recorded (state directory). */
  readonly programRecords: string;
  /** Where programs that need no other place may have their working folder. */
  readonly workFolder: string;
  /** Where attempt folders are recorded (state directory). */
  readonly attemptRecords: string;
  /** Settles when a file may be put into place. @throws when none ever will */
  untilMayMove(signal: AbortSignal): Promise<void>;
  /** Shows a finished frame: its file, or a picture of it that Blender has made. Returns at once. */
  showFrame(frame: number, source: string | Buffer): void;
  /** `fraction` is that of this command. May be called as often as anything changes. */
  reportProgress(progress: Progress): void;
}

/**
 * Executes one command.
 * @returns the files that it made
 * @throws AttemptFailure; the signal's reason
 */
export type RunCommand = (
  parameters: Readonly<Record<string, unknown>>,
  context: CommandContext,
) => Promise<readonly Output[]>;
