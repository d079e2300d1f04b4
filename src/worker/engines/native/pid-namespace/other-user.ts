/**
 * How commands get a user other than the worker's. All values are shell text of the opener, in which `$mark`, `$1` and so
 * on are set (launcher/opener.ts).
 */
export interface OtherUser {
  /** Additional options of unshare, for more namespaces. */
  readonly unshare: readonly string[];
  /** The names of those namespaces in /proc/<pid>/ns, which are nsenter's names for them, too. */
  readonly spaces: readonly string[];
  /**
   * Lines that the first process runs before anything else is in its namespace. `$3` is the program mount, and the
   * `arguments` are `$5` and so on.
   */
  readonly lines: string;
  readonly arguments: string;
  /** Lines for the launcher shell before it starts commands. The mark is in the variable TCW_KEEPER (processes/mark.ts). */
  readonly launcherLines: string;
  /** Runs the arguments after it as the other user. */
  readonly become: string;
}
