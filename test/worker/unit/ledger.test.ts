import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Engine } from '../../../src/worker/engines/engine.ts';
import { ownLife } from '../../../src/worker/engines/processes/life.ts';
import { openLedger, removeLeftovers } from '../../../src/worker/ledger/index.ts';
import { eventLog } from './fake-queue.ts';

const RUN = 'task_Wq3cJ8DbQ0eHkZ5uYt1mPA_0';
const OTHER = 'task_Wq3cJ8DbQ0eHkZ5uYt1mPA_01';
/** The identity of a dead process: with this process's pid and another start time. */
const DEAD_LIFE = ownLife().replace(/\d+$/, '1');
const DEAD = `${DEAD_LIFE}-${'d'.repeat(16)}`;
const LIVING = `${ownLife()}-${'a'.repeat(16)}`;
/** The identity of a process in another container, whose state is unknown. */
const ELSEWHERE_LIFE = ownLife().replace(/-[0-9a-f]{8}-/, '-12345678-');
const ELSEWHERE = `${ELSEWHERE_LIFE}-${'c'.repeat(16)}`;
const ELSEWHERE_MARK = `${ELSEWHERE_LIFE}-${'2'.repeat(32)}`;
const MARK = `${DEAD_LIFE}-${'1'.repeat(32)}`;
const LEDGER = `.tcw-${process.getuid?.() ?? 0}`;

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tcw-ledger-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder for tasks with the records that a worker wrote before it died. @param records the text for each run */
async function afterDeath(records: Record<string, string> = {}) {
  const tasksDir = await newFolder();
  const ledger = join(tasksDir, LEDGER);
  await mkdir(join(ledger, DEAD), { recursive: true, mode: 0o700 });
  for (const [run, text] of Object.entries(records)) await writeFile(join(ledger, DEAD, run), text);
  return {
    tasksDir,
    ledger,
    add: async (...files: string[]) => {
      for (const file of files) await writeFile(join(tasksDir, file), file);
    },
    left: async () => (await readdir(tasksDir)).filter(name => name !== LEDGER).sort(),
  };
}

/** The part of the next worker's start that cleans up. */
async function nextStart(tasksDir: string, { folders = true, failing = false } = {}) {
  const events = eventLog();
  const asked: string[][] = [];
  const engine: Pick<Engine, 'endLeftovers'> = {
    endLeftovers: traces => {
      asked.push([...traces]);
      return failing ? Promise.reject(new Error('they do not die')) : Promise.resolve(traces.length);
    },
  };
  const ledger = await openLedger(tasksDir, events.emit);
  if (!ledger) throw new Error('no ledger');
  await removeLeftovers(ledger, { tasksDir, folders, engines: [engine], emit: events.emit });
  ledger.close();
  return { asked, lines: events.lines };
}

describe('a ledger', () => {
  it('does not block on a pipe or follow a link with which a task has replaced a record', async () => {
    const tasksDir = await newFolder();
    const events = eventLog();
    const ledger = await openLedger(tasksDir, events.emit);
    if (!ledger) throw new Error('no ledger');
    onTestFinished(() => {
      ledger.close();
    });
    const record = join(ledger.folder, ledger.worker, RUN);
    const entry = ledger.begin(RUN);
    await rm(record);
    await execa('mkfifo', [record]);
    entry.keep(MARK);
    await rm(record);
    await writeFile(join(tasksDir, 'precious'), '');
    await symlink(join(tasksDir, 'precious'), record);
    entry.keep(MARK);
    expect(await readFile(join(tasksDir, 'precious'), 'utf8')).toBe('');
    expect(events.lines).toHaveLength(2);
    entry.end();
  });

  it('has a record of each run until the run is cleaned up, readable only by its user', async () => {
    const tasksDir = await newFolder();
    const ledger = await openLedger(tasksDir, eventLog().emit);
    const entry = ledger?.begin(RUN);
    entry?.keep(MARK);
    const file = `${ledger?.folder}/${ledger?.worker}/${RUN}`;
    expect(await readFile(file, 'utf8')).toBe(`${MARK}\n`);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await stat(join(tasksDir, LEDGER))).mode & 0o777).toBe(0o700);
    entry?.end();
    ledger?.close();
    expect(await readdir(tasksDir)).toEqual([]);
  });

  it('is removed when its process exits, even without closing it', async () => {
    const tasksDir = await newFolder();
    const module = new URL('../../../src/worker/ledger/index.ts', import.meta.url).href;
    const program = `
      import { openLedger } from ${JSON.stringify(module)};
      const ledger = await openLedger(${JSON.stringify(tasksDir)}, console.error);
      ledger.begin('${RUN}').end();
      process.exit(3);`;
    const node = execa(process.execPath, ['--input-type=module', '--eval', program], { reject: false });
    expect(await node).toMatchObject({ exitCode: 3, stderr: '' });
    expect(await readdir(tasksDir)).toEqual([]);
  });

  it('is created again after a task has removed it', async () => {
    const tasksDir = await newFolder();
    const events = eventLog();
    const ledger = await openLedger(tasksDir, events.emit);
    await rm(join(tasksDir, LEDGER), { recursive: true });
    ledger?.begin(RUN).keep(MARK);
    expect(await readFile(`${ledger?.folder}/${ledger?.worker}/${RUN}`, 'utf8')).toBe(`${MARK}\n`);
    ledger?.begin(RUN).end();
    ledger?.close();
    expect(events.lines).toEqual([]);
    expect(await readdir(tasksDir)).toEqual([]);
  });

  it('that cannot be written costs no run, and the failure is logged', async () => {
    const tasksDir = await newFolder();
    const events = eventLog();
    const ledger = await openLedger(tasksDir, events.emit);
    await rm(tasksDir, { recursive: true });
    await writeFile(tasksDir, 'a file is in the way');
    const entry = ledger?.begin(RUN);
    entry?.end();
    ledger?.close();
    expect(events.lines).toMatchObject([{ level: 'warn' }, { level: 'warn' }]);
    expect(await openLedger(tasksDir, events.emit)).toBeUndefined();
    expect(events.lines).toHaveLength(3);
  });

  it.each<[string, (path: string, elsewhere: string) => Promise<unknown>]>([
    ['a link to a folder', (path, elsewhere) => symlink(elsewhere, path)],
    ['a link to nothing', path => symlink('/nowhere', path)],
    ['a link to itself', path => symlink(path, path)],
    ['a file', path => writeFile(path, '')],
    ['a FIFO', path => execa('mkfifo', [path])],
    ['a folder without permissions', path => mkdir(path, { mode: 0 })],
  ])('replaces %s in its place, and changes nothing elsewhere', async (_, put) => {
    const [tasksDir, elsewhere] = [await newFolder(), await newFolder()];
    const events = eventLog();
    await put(join(tasksDir, LEDGER), elsewhere);
    const ledger = await openLedger(tasksDir, events.emit);
    ledger?.begin(RUN).end();
    ledger?.close();
    expect(events.lines).toEqual([]);
    expect(await readdir(elsewhere)).toEqual([]);
    expect(await readdir(tasksDir)).toEqual([]);
  });

  it('may be opened and closed by many workers at the same time', async () => {
    const tasksDir = await newFolder();
    const events = eventLog();
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const ledger = await openLedger(tasksDir, events.emit);
        ledger?.begin(RUN).end();
        ledger?.close();
      }),
    );
    expect(events.lines).toEqual([]);
    expect(await readdir(tasksDir)).toEqual([]);
  });
});

describe('what a dead worker left', () => {
  it('is removed: folder, log and temporary files, in both directories, and nothing else', async () => {
    const { tasksDir, add, left } = await afterDeath({ [RUN]: `${MARK}\n` });
    await mkdir(join(tasksDir, RUN, 'deep', 'er'), { recursive: true });
    await add(`${RUN}.log`, `${RUN}.log.gz`, `${RUN}.artifact-12.gz`);
    const others = [`${OTHER}.log`, `${RUN}x`, 'notes'];
    await add(...others);
    const inTmp = join(tmpdir(), `${RUN}.log`);
    await writeFile(inTmp, '');
    const { asked, lines } = await nextStart(tasksDir);
    expect(await left()).toEqual(others.sort());
    await expect(stat(inTmp)).rejects.toThrow('ENOENT');
    expect(asked).toEqual([[MARK]]);
    expect(lines).toMatchObject([{ level: 'info', fields: { run: RUN, processes: 1 } }]);
    expect(lines[0]?.fields.files).toHaveLength(5);
    await expect(stat(join(tasksDir, LEDGER))).rejects.toThrow('ENOENT');
  });

  it.each<[string, (at: Awaited<ReturnType<typeof afterDeath>>) => Promise<unknown>]>([
    ['its folder', ({ tasksDir }) => mkdir(join(tasksDir, RUN))],
    ['its log', ({ add }) => add(`${RUN}.log`)],
    ['anything', () => Promise.resolve()],
  ])(
    'is removed if the worker died before it had recorded a process and created no more than %s',
    async (_, make) => {
      const at = await afterDeath({ [RUN]: '' });
      await make(at);
      await nextStart(at.tasksDir);
      expect(await readdir(at.tasksDir)).toEqual([]);
    },
  );

  it('is only its own records if it died between two tasks or before the first', async () => {
    const { tasksDir, ledger } = await afterDeath();
    await execa('mkfifo', [join(ledger, `${DEAD_LIFE}-${'b'.repeat(16)}.alive`)]);
    expect((await nextStart(tasksDir)).lines).toEqual([]);
    expect(await readdir(tasksDir)).toEqual([]);
  });

  it('keeps its folder if the configuration keeps task folders', async () => {
    const { tasksDir, left, add } = await afterDeath({ [RUN]: '' });
    await mkdir(join(tasksDir, RUN));
    await add(`${RUN}.log`);
    await nextStart(tasksDir, { folders: false });
    expect(await left()).toEqual([RUN]);
  });

  it('is tried again at the next start if it could not be removed', async () => {
    const { tasksDir, left } = await afterDeath({ [RUN]: `${MARK}\n` });
    await mkdir(join(tasksDir, RUN));
    const { lines } = await nextStart(tasksDir, { failing: true });
    expect(lines).toMatchObject([{ level: 'error', fields: { run: RUN } }]);
    expect(await left()).toEqual([RUN]);
    await nextStart(tasksDir);
    expect(await left()).toEqual([]);
  });
});

describe('content that a task has written into the ledger', () => {
  it('cannot name anything but a run: strange names, links, long texts', async () => {
    const { tasksDir, ledger, add, left } = await afterDeath({
      task_x_0: '',
      'notes.txt': '',
      [`${RUN}.log`]: '',
      'task_..%2F..%2F..%2F..%2F..%2Fetcx_0': '',
    });
    const elsewhere = await newFolder();
    await mkdir(join(elsewhere, 'kept'));
    await writeFile(join(elsewhere, RUN), MARK);
    await symlink(join(elsewhere, RUN), join(ledger, DEAD, RUN));
    await symlink(elsewhere, join(ledger, `${DEAD_LIFE}-${'e'.repeat(16)}`));
    await add('task_x_0', 'notes.txt', `${RUN}.log`);
    const { asked, lines } = await nextStart(tasksDir);
    expect(asked).toEqual([]);
    expect(lines).toEqual([]);
    expect(await readdir(elsewhere)).toEqual(['kept', RUN]);
    expect(await left()).toEqual(expect.arrayContaining(['notes.txt', 'task_x_0']));
  });

  it('cannot redirect the cleanup: a link in place of the folder of a run is removed, not its target', async () => {
    const { tasksDir, left } = await afterDeath({ [RUN]: '' });
    const elsewhere = await newFolder();
    await writeFile(join(elsewhere, 'kept'), '');
    await symlink(elsewhere, join(tasksDir, RUN));
    await nextStart(tasksDir);
    expect(await left()).toEqual([]);
    expect(await readdir(elsewhere)).toEqual(['kept']);
  });

  it('does not affect the records of a living worker whose .alive file was removed', async () => {
    const { tasksDir, ledger, left, add } = await afterDeath({ [RUN]: `${MARK}\n` });
    await mkdir(join(ledger, LIVING, 'making'), { recursive: true });
    await writeFile(join(ledger, LIVING, RUN), '');
    await mkdir(join(tasksDir, RUN));
    await add(`${RUN}.log`);
    expect((await nextStart(tasksDir)).asked).toEqual([[MARK]]);
    expect(await left()).toEqual([RUN, `${RUN}.log`]);
    expect((await readdir(join(ledger, LIVING))).sort()).toEqual(['making', RUN].sort());
  });

  it('cannot end processes of a living worker by naming them in the record of a dead one', async () => {
    const { tasksDir, left, add } = await afterDeath({ [RUN]: `${MARK}\n${ownLife()}-${'2'.repeat(32)}\n` });
    await add(`${RUN}.log`);
    const { asked, lines } = await nextStart(tasksDir);
    expect(asked).toEqual([]);
    expect(lines).toMatchObject([{ level: 'error', fields: { run: RUN } }]);
    expect(await left()).toEqual([`${RUN}.log`]);
  });

  it('is removed with the records of a dead worker, whatever it is', async () => {
    const { tasksDir, ledger } = await afterDeath({ [RUN]: '' });
    const precious = join(await newFolder(), 'precious');
    await writeFile(precious, '');
    await mkdir(join(ledger, DEAD, OTHER, 'deep'), { recursive: true });
    await symlink(precious, join(ledger, DEAD, 'link'));
    await execa('mkfifo', [join(ledger, DEAD, 'fifo')]);
    await mkdir(join(ledger, `${DEAD}.alive`, 'deep'), { recursive: true });
    await nextStart(tasksDir);
    expect(await readdir(tasksDir)).toEqual([]);
    expect(await readFile(precious, 'utf8')).toBe('');
  });

  it('does not prevent the start if it took away the permissions of a folder or filled it', async () => {
    const { tasksDir, ledger } = await afterDeath({ [RUN]: '' });
    await Promise.all(
      Array.from({ length: 12_000 }, (_, at) => writeFile(join(ledger, DEAD, `junk-${at}`), '')),
    );
    await chmod(join(ledger, DEAD), 0);
    await nextStart(tasksDir);
    expect(await readdir(tasksDir)).toEqual([]);
  });

  it('cannot lead to a folder that replaced the one that the worker made', async () => {
    const { tasksDir, ledger, left } = await afterDeath();
    await mkdir(join(tasksDir, RUN));
    const { ino } = await stat(join(tasksDir, RUN));
    await writeFile(join(ledger, DEAD, RUN), `folder ${ino}\n${MARK}\n`);
    await rename(join(tasksDir, RUN), join(tasksDir, 'aside'));
    await mkdir(join(tasksDir, RUN, 'precious'), { recursive: true });
    expect((await nextStart(tasksDir)).lines).toMatchObject([{ level: 'error' }]);
    expect(await readdir(join(tasksDir, RUN))).toEqual(['precious']);
    await rm(join(tasksDir, RUN), { recursive: true });
    await rename(join(tasksDir, 'aside'), join(tasksDir, RUN));
    await nextStart(tasksDir);
    expect(await left()).toEqual([]);
  });
});

describe('the records of a worker in another container', () => {
  async function elsewhere() {
    const at = await afterDeath();
    const alive = join(at.ledger, `${ELSEWHERE}.alive`);
    await mkdir(join(at.ledger, ELSEWHERE));
    await writeFile(join(at.ledger, ELSEWHERE, RUN), `${ELSEWHERE_MARK}\n`);
    await at.add(`${RUN}.log`);
    return { ...at, alive };
  }

  it('are left alone while its .alive file is held open, and removed afterwards', async () => {
    const { tasksDir, left, alive } = await elsewhere();
    await execa('mkfifo', [alive]);
    const living = spawn('sh', ['-c', 'exec 3<>"$0"; echo up; exec sleep 600', alive], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    onTestFinished(() => void living.kill('SIGKILL'));
    await once(living.stdout, 'data');
    expect((await nextStart(tasksDir)).lines).toEqual([]);
    expect(await left()).toEqual([`${RUN}.log`]);

    living.kill('SIGKILL');
    await once(living, 'exit');
    expect((await nextStart(tasksDir)).asked).toEqual([[ELSEWHERE_MARK]]);
    expect(await readdir(tasksDir)).toEqual([]);
  });

  it('are kept if they name processes of a third worker', async () => {
    const { tasksDir, ledger, alive } = await elsewhere();
    await execa('mkfifo', [alive]);
    const trace = ELSEWHERE_MARK.replace('-12345678-', '-87654321-');
    await writeFile(join(ledger, ELSEWHERE, RUN), `${trace}\n`);
    expect((await nextStart(tasksDir)).asked).toEqual([]);
  });

  it.each<[string, (alive: string) => Promise<unknown>]>([
    ['is missing', () => Promise.resolve()],
    ['is a file', alive => writeFile(alive, '')],
    ['is a folder', alive => mkdir(alive)],
    ['is a link to a pipe', alive => execa('sh', ['-c', 'mkfifo "$1.x"; ln -s "$1.x" "$1"', 'sh', alive])],
  ])('are left alone and reported if its .alive file %s', async (_, make) => {
    const { tasksDir, left, alive } = await elsewhere();
    await make(alive);
    expect((await nextStart(tasksDir)).lines).toMatchObject([{ level: 'error', fields: { run: RUN } }]);
    expect(await left()).toEqual([`${RUN}.log`]);
  });
});
