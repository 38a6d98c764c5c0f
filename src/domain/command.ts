/** One step of a task: a name that workers know, and its parameters (JSON values). */
export interface Command {
  readonly name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}
