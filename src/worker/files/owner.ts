/** Whom files and processes belong to. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}
