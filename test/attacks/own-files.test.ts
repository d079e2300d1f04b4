import { execFileSync, spawnSync } from 'node:child_process';
import { chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { queueForWorkers } from '../cli/workers.ts';
import { workerScript } from '../engines/native-worker.ts';

const NOBODY = 65_534;
const asRoot = process.getuid?.() === 0;
const setpriv = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--'];
const canBe = (before: readonly string[]) => {
  const [file = '', ...words] = [...before, process.execPath, '--check', workerScript];
  return spawnSync(file, words).status === 0;
};
const users = [
  { user: asRoot ? 'root' : 'an ordinary user', before: [] as string[] },
  ...(asRoot && canBe(setpriv) ? [{ user: 'an ordinary user', before: setpriv }] : []),
];

const sh = (line: string, ...words: string[]) =>
  execFileSync('sh', ['-ec', line, 'sh', ...words], { encoding: 'utf8' });
const isChangeable =
  asRoot && spawnSync('sh', ['-c', 'f=$(mktemp); chattr +i "$f" && chattr -i "$f"']).status === 0;

/** What a task can leave in a place where a worker will have a file: "$1", as shell. "$2" is a file that has to stay. */
const things = [
  ['a pipe', 'mkfifo "$1"'],
  ['a folder', 'mkdir -p "$1/deep"; touch "$1/file"'],
  ['a folder without permissions', 'mkdir -p "$1/deep"; chmod 0 "$1/deep" "$1"'],
  ['a link to a file', 'ln -s "$2" "$1"'],
  ['a link to the folder of a file', 'ln -s "$(dirname "$2")" "$1"'],
  ['a link to nothing', 'ln -s /nowhere "$1"'],
  ['a link to itself', 'ln -s "$1" "$1"'],
  ['a link to a device that never ends', 'ln -s /dev/zero "$1"'],
  ['a file of 10 GB', 'truncate -s 10G "$1"'],
  ['a file without permissions', 'echo 1 >"$1"; chmod 0 "$1"'],
  ['a second name of a file', 'ln "$2" "$1"'],
  [
    'a socket',
    'perl -MIO::Socket::UNIX -e \'IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 1) or die\' "$1"',
  ],
] as const;

describe.each(users)('a worker of $user is not blocked if a task replaces its files with', ({ before }) => {
  async function start(...places: ((tasksDir: string, run: string) => string)[]) {
    const here = await queueForWorkers({}, { before });
    onTestFinished(() => here.close());
    const folder = await mkdtemp(join(tmpdir(), 'tcw-precious-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const precious = join(folder, 'file');
    sh('printf precious >"$1"', precious);
    if (before.length > 0)
      for (const path of [here.tasksDir, folder, precious]) await chown(path, NOBODY, NOBODY);
    const taskId = await here.create('echo hello');
    const run = `task_${taskId}_0`;
    return {
      here,
      taskId,
      put: (line: string) => {
        for (const place of places) {
          const path = place(here.tasksDir, run);
          const [file = '', ...words] = [...before, 'sh', '-ec', line, 'sh', path, precious];
          execFileSync(file, words);
        }
      },
      lives: async () => {
        const worker = here.start('--number-of-tasks-to-run=2', '--worker-id=counted');
        await here.reaches(taskId, 'completed');
        expect(await here.artifact(taskId, 'public/logs/live_backing.log')).toContain('hello\n');
        await here.reaches(await here.create('true'), 'completed');
        expect(await worker.exited).toBe(0);
        expect(await readFile(precious, 'utf8')).toBe('precious');
        // These warnings have other causes: a worker of root, its own code in reach of its tasks, a busy machine.
        const problems = worker.lines().filter(({ level }) => level === 'warn' || level === 'error');
        return problems.filter(
          ({ msg }) => !/^tasks (run as root|can change the code)|^the queue did not answer/.test(msg),
        );
      },
    };
  }

  const uid = before.length > 0 ? NOBODY : process.getuid?.();
  const places = [
    (tasksDir: string) => `${tasksDir}/.tcw-tasks-done.group.counted`,
    (tasksDir: string) => `${tasksDir}/.tcw-${uid}`,
    (tasksDir: string, run: string) => `${tasksDir}/${run}.log`,
    (_: string, run: string) => join(tmpdir(), `${run}.log`),
    (tasksDir: string, run: string) => `${tasksDir}/${run}`,
  ];

  it.each(things)('%s', async (_, line) => {
    const { here, put, lives, taskId } = await start(...places);
    onTestFinished(() => rm(join(tmpdir(), `task_${taskId}_0.log`), { recursive: true, force: true }));
    put(line);
    expect(await lives()).toEqual([]);
    // What lies in the ledger's own folder and is no worker's is left there.
    expect(sh('ls -A "$1"', here.tasksDir).replace(`.tcw-${uid}\n`, '')).toBe('');
  });

  it('nothing, but makes tasksDir inaccessible', async () => {
    const { here, lives } = await start();
    sh('chmod 0 "$1"', here.tasksDir);
    expect(await lives()).toEqual([]);
  });

  it.runIf(isChangeable && before.length === 0)('files that not even root can change', async () => {
    const { here, put, lives, taskId } = await start(...places.slice(0, -1));
    const inTmp = join(tmpdir(), `task_${taskId}_0.log`);
    onTestFinished(
      () => void spawnSync('sh', ['-c', 'chattr -R -i "$1" "$2"; rm -rf "$2"', 'sh', here.tasksDir, inTmp]),
    );
    put('mkdir -p "$1/deep"; chattr +i "$1"');
    const problems = await lives();
    sh('chattr -R -i "$1"', here.tasksDir);
    expect(problems.map(({ msg }) => msg)).toEqual([
      'runs cannot be recorded: after a sudden death, what they leave behind would not be removed',
      'could not record how many tasks are done',
      'could not record how many tasks are done',
      'could not record how many tasks are done',
    ]);
  });
});
