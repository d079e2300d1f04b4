import type { TaskLog } from '../../task-log/task-log.ts';
import { sizeText } from '../../stores/size-text.ts';

/** The log gets a line at most this often, and only for uploads that take at least this long, in ms. */
const EVERY_MS = 30_000;

/** Reports long uploads in the log, so that readers know that the task is alive. */
export interface Progress extends Disposable {
  /** Registers an upload. Disposing of the result ends it. */
  of(name: string): UploadInProgress;
}

export interface UploadInProgress extends Disposable {
  readonly onSent: (bytes: number) => void;
}

interface Sending {
  readonly name: string;
  readonly sinceMs: number;
  /** In bytes. */
  sent: number;
}

/** Writes one line every 30 s about all uploads that have taken that long. */
export function logProgress(log: Pick<TaskLog, 'info'>, everyMs = EVERY_MS): Progress {
  const sending = new Set<Sending>();
  const timer = setInterval(() => {
    const now = performance.now();
    const slow = [...sending].filter(({ sinceMs }) => now - sinceMs >= everyMs);
    if (slow.length > 0) log.info(`Still uploading ${slow.map(describe).join(', ')}`);
  }, everyMs);
  return {
    of: name => {
      const upload: Sending = { name, sinceMs: performance.now(), sent: 0 };
      sending.add(upload);
      return {
        onSent: bytes => {
          upload.sent = bytes;
        },
        [Symbol.dispose]: () => {
          sending.delete(upload);
        },
      };
    },
    [Symbol.dispose]: () => {
      clearInterval(timer);
    },
  };
}

function describe({ name, sent }: Sending): string {
  return `artifact ${name} (${sent === 0 ? 'nothing sent yet' : `${sizeText(sent)} sent`})`;
}
