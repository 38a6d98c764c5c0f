/** What was looked at, and how it is. */
export interface Finding {
  readonly subject: string;
  /** A note is nothing that must be mended. */
  readonly state: 'good' | 'note' | 'fault';
  readonly message: string;
  /** What to do about it. */
  readonly remedy?: string;
}
