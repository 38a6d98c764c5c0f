/** A file as far as its layout is looked at. */
export interface FileBytes {
  readonly size: number;
  /** At most `length` bytes from `offset`; fewer at the file's end. */
  read(offset: number, length: number): Promise<Buffer>;
}
