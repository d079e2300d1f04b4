import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newWorkplace, processesWith, type Workplace } from './dev-session.ts';

let workplace: Workplace;
beforeEach(() => {
  workplace = newWorkplace();
});
afterEach(() => workplace[Symbol.asyncDispose]());

const shell = (line: string) => ({ command: [['sh', '-c', line]], maxRunTime: 600 });
const sleepMarker = () => `${100_000 + Math.floor(Math.random() * 100_000)}.${process.pid}`;
/** A process that certainly has gone. */
const GONE = 2 ** 22 + 1;

describe('what a killed tcw dev leaves among the temporary files', () => {
  it.each(['pid-namespace', 'process-group'])(
    'is removed at the next start, with its tasks (%s)',
    async containment => {
      const marker = sleepMarker();
      const killed = await workplace.dev('--containment', containment);
      const taskId = await killed.create({
        ...shell('echo x >x; echo done'),
        artifacts: [{ type: 'file', path: 'x' }],
      });
      await killed.resolved(taskId);
      await killed.create(shell(`sleep ${marker} & setsid sleep ${marker} & sleep ${marker}`));
      await expect.poll(() => processesWith(`sleep ${marker}`).length).toBeGreaterThan(2);
      await killed.stop('SIGKILL');
      expect(readdirSync(workplace.temporary)).not.toEqual([]);

      const file = workplace.write('next.json', shell('true'));
      const { stderr } = await workplace.tcw('dev', '--once', '--containment', containment, file);
      expect(stderr).toContain('removed what a killed tcw dev left behind');
      expect(readdirSync(workplace.temporary)).toEqual([]);
      expect(processesWith(`sleep ${marker}`)).toEqual([]);
    },
  );

  it('is kept while it is uncertain whether tcw dev is dead', async () => {
    const living = await workplace.dev();
    const [its] = readdirSync(workplace.temporary);
    const outside = join(workplace.folder, 'outside');
    const fifos = [
      makeFolder(workplace.temporary, process.pid),
      ...(process.getuid?.() === 0 ? [ofAnother(makeFolder(workplace.temporary, GONE))] : []),
    ];
    const linked = basename(makeFolder(outside, GONE + 1));
    symlinkSync(join(outside, linked), join(workplace.temporary, linked));
    mkdirSync(join(workplace.temporary, `tcw-dev-${GONE}-nosign`));
    mkdirSync(join(workplace.temporary, `tcw-dev-${GONE}-nofifo`));
    writeFileSync(join(workplace.temporary, `tcw-dev-${GONE}-nofifo`, 'alive'), '');
    const before = readdirSync(workplace.temporary).sort();
    expect(before).toHaveLength(fifos.length + 4);

    await workplace.tcw('dev', '--once', workplace.write('next.json', shell('true')));
    expect(readdirSync(workplace.temporary).sort()).toEqual(before);
    expect(readdirSync(join(outside, linked))).toEqual(['alive']);
    expect(before).toContain(its);
    const taskId = await living.create(shell('true'));
    expect(await living.resolved(taskId)).toMatchObject({ resolution: 'completed' });
  });
});

let made = 0;
/** A folder as a `tcw dev` makes one, that nobody holds. */
function makeFolder(where: string, pid: number): string {
  const folder = join(where, `tcw-dev-${pid}-made${String(made++).padStart(2, '0')}`);
  mkdirSync(folder, { recursive: true });
  execFileSync('mkfifo', [join(folder, 'alive')]);
  return folder;
}

function ofAnother(folder: string): string {
  chownSync(folder, 65_534, 65_534);
  return folder;
}
