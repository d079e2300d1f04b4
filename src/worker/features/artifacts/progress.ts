import type { TaskLog } from '../../task-log/task-log.ts';
import { sizeText } from '../../stores/size-text.ts';

/** How often the log is told, at most, and how long an upload takes before it is worth a line, in ms. */
const EVERY_MS = 30_000;

/** Tells the log of uploads that take long, so that nobody takes them for dead. */
export interface Progress extends Disposable {
  /** An upload begins. It ends with the disposal of what is returned. */
  of(name: string): OnItsWay;
}

export interface OnItsWay extends Disposable {
  readonly onSent: (bytes: number) => void;
}

interface Sending {
  readonly name: string;
  readonly sinceMs: number;
  /** In bytes. */
  sent: number;
}

/** Writes one line each 30 s for all uploads that have taken so long, while there are any. */
export function tellProgress(log: Pick<TaskLog, 'info'>, everyMs = EVERY_MS): Progress {
  const sending = new Set<Sending>();
  const timer = setInterval(() => {
    const now = performance.now();
    const slow = [...sending].filter(({ sinceMs }) => now - sinceMs >= everyMs);
    if (slow.length > 0) log.info(`Still uploading ${slow.map(inWords).join(', ')}`);
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

function inWords({ name, sent }: Sending): string {
  return `artifact ${name} (${sent === 0 ? 'nothing sent yet' : `${sizeText(sent)} sent`})`;
}
