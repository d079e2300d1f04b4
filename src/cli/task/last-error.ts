/** The size of the part kept from the end of a log, in bytes. */
const KEPT = 8 * 1024;

/** Finds the last error that a worker wrote into a log. It says why the task did not complete. */
export function lastError(): { see(piece: Uint8Array): void; line(): string | undefined } {
  let end: Buffer = Buffer.alloc(0);
  return {
    see: piece => {
      end = Buffer.concat([end, piece]).subarray(-KEPT);
    },
    line: () =>
      [...end.toString().matchAll(/^\[taskcluster:error(?: [^\]]*)?\] (.+)$/gm)]
        .map(([, line]) => line)
        .at(-1),
  };
}
