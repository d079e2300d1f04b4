import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { engines, findProgram, newFolder, searchPathOf } from '../engines/native-fixtures.ts';
import { asNobody, canBeNobody } from '../engines/native-worker.ts';
import { compile } from '../harness/compile.ts';

/** Each kind of worker that can be attacked here: by containment and by its user. */
export const workers = engines.flatMap(({ containment }) =>
  users().map(([user, prefix]) => ({ containment, user, prefix })),
);

export const namespaced = workers.filter(({ containment }) => containment === 'pid-namespace');

/** As root, an ordinary user is tried as well; an ordinary user cannot try what root can do. */
function users(): [string, readonly string[]][] {
  if (process.getuid?.() !== 0) return [['an ordinary user', []]];
  return [['root', []], ...(canBeNobody ? ([['an ordinary user', asNobody]] as [string, string[]][]) : [])];
}

/** Compiles tracer.c to where every user can run it. */
export async function newTracer(): Promise<string> {
  const tracer = path.join(await newFolder(), 'tracer');
  await compile(new URL('tracer.c', import.meta.url), tracer);
  return tracer;
}

/** Programs of a machine on which the first process of a namespace can have nothing that its members lack. */
export async function olderMachine(): Promise<string> {
  const folder = await searchPathOf(
    'env',
    'grep',
    'mkfifo',
    'nice',
    'nsenter',
    'setsid',
    'sleep',
    'mount',
    'umount',
  );
  const refusing = `#!/bin/sh\ncase "$*" in *--keep-caps*) exit 1 ;; esac\nexec ${findProgram('unshare')} "$@"\n`;
  await writeFile(path.join(folder, 'unshare'), refusing, { mode: 0o755 });
  return folder;
}
