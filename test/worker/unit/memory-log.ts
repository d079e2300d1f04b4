import type { FileHandle } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import type { TaskLog } from '../../../src/worker/task-log/task-log.ts';

/** A task's log that only remembers what the worker says, for tests that are not about its file. */
export function memoryLog(): TaskLog & { readonly lines: string[] } {
  const lines: string[] = [];
  const write = (level: string) => (message: string) => void lines.push(`${level}: ${message}`);
  return {
    lines,
    output: new PassThrough(),
    file: '/nowhere',
    handle: {} as FileHandle,
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    end: async () => undefined,
    addWarning: async message => write('warn')(message),
    remove: async () => undefined,
  };
}
