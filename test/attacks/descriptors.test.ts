import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findProgram, newFolder } from '../engines/native-fixtures.ts';
import { startWorker } from '../engines/native-worker.ts';
import { workers } from './hostile.ts';

const bash = findProgram('bash') ?? '/bin/bash';

describe.runIf(process.platform === 'linux').each(workers)(
  'a task of $user ($containment) whose worker was started with open files',
  ({ containment, prefix }) => {
    it('has standard input, output and error, and no other descriptors', async () => {
      const file = path.join(await newFolder(), 'secret');
      await writeFile(file, 'secret');
      const opened = [3, 9, 16, 40, 300].map(fd => `${fd}<"$0"`).join(' ');
      const withFiles = [bash, '-c', `exec ${opened}; exec "$@"`, file];
      const line = 'for fd in /proc/self/fd/*; do [ ! -e "$fd" ] || echo "${fd##*/}"; done; cat <&0';
      const settings = { containment, toItsEnd: true, graceMs: 0 };
      const { finish } = await startWorker([...withFiles, ...prefix], line, settings);
      // The shell itself has the folder open while it looks, and not any more when it looks at each.
      expect(await finish()).toEqual({ exitCode: 0, output: '0\n1\n2\n' });
    });
  },
);
