import type { FileHandle } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { of } from 'rxjs';
import type { TaskLog } from '../../../src/worker/task-log/task-log.ts';

/** A task's log that only records the worker's messages, for tests that do not need its file. */
export function memoryLog(): TaskLog & { readonly lines: string[] } {
  const lines: string[] = [];
  const write = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  return {
    lines,
    output: new PassThrough(),
    file: '/nowhere',
    handle: {} as FileHandle,
    size$: of(0),
    hold: () => async () => undefined,
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    soFar: async () => ({ size: 0, rest: Buffer.alloc(0) }),
    end: async () => undefined,
    zipped: async () => undefined,
    addWarning: async message => write('warn')(message),
    remove: async () => undefined,
  };
}
