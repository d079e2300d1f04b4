/** The size of the part kept from the end of a log, in bytes. */
const KEPT = 8 * 1024;

/** Finds the last errors that a worker wrote into a log. They say why the task did not complete. */
export function lastErrors(): { see(piece: Uint8Array): void; lines(): string[] } {
  let end: Buffer = Buffer.alloc(0);
  return {
    see: piece => {
      end = Buffer.concat([end, piece]).subarray(-KEPT);
    },
    lines: () =>
      Array.from(
        end.toString().matchAll(/^\[taskcluster:error(?: [^\]]*)?\] (.+)$/gm),
        ([, line = '']) => line,
      ),
  };
}
