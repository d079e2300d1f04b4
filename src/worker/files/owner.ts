/** The owner of files and processes. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}
