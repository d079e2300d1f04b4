import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { beforeAll, describe, expect, it } from 'vitest';
import { shellQuoted } from '../../src/base/index.ts';
import { newEd25519Key } from '../../src/base/index.ts';
import { giveFolder } from '../../src/worker/files/give-folder.ts';
import { canBeUsers, openFolder, someUserIds } from '../engines/user-fixtures.ts';
import { deployment, sh } from '../worker/deployment.ts';
import { waitFor } from '../wait-for.ts';
import { compile } from '../harness/compile.ts';

/** In everything that a task must not see. */
const SECRET = `secret-${randomBytes(8).toString('hex')}`;
/** In the name of everything that a task leaves for the next one. */
const LEFT = `left-${randomBytes(8).toString('hex')}`;
const CODE = fileURLToPath(new URL('../../src', import.meta.url));

/**
 * What a task tries, as shell. It fails where the line ends with another exit code than 0, and shows no secret. In its
 * environment are KEY, CONFIG, TASKS (tasksDir), VICTIM (the name of another run), CACHES, DOWNLOADS, CODE, WORKER (a pid),
 * TRACER, NODE, LEFT, and SEEN (a folder in the machine's /tmp).
 */
const TRIES: Readonly<Record<string, string>> = {
  'read the signing key': 'cat "$KEY"',
  'read the signing key through the root of the first process': 'cat "/proc/1/root$KEY"',
  'give the signing key another name': 'ln "$KEY" key && cat key',
  'open the signing key by a descriptor that needs no right to read': `"$NODE" -e '
    const fs = require("fs");
    const fd = fs.openSync(process.env.KEY, 0o10000000);
    console.log(fs.readFileSync("/proc/self/fd/" + fd, "utf8"))'`,
  'bind the signing key into its folder': 'touch here && mount --bind "$KEY" here && cat here',
  'read the configuration': 'cat "$CONFIG"',
  'change the configuration': 'echo "{}" >"$CONFIG"',
  'replace the configuration': 'touch new && mv -f new "$CONFIG"',
  "list the worker's records": 'ls "$TASKS/.tcw-0"',
  "list the worker's users": 'ls "$TASKS/.tcw-users"',
  "list another run's folder": 'ls "$TASKS/$VICTIM"',
  "read another run's file": 'cat "$TASKS/$VICTIM/secret"',
  "read another run's log": 'cat "$TASKS/$VICTIM.log"',
  "list another run's folder for temporary files": 'ls "$TASKS/$VICTIM.tmp"',
  "find another run's file in /tmp": 'cat /tmp/secret',
  "find another run's memory in /dev/shm": 'cat /dev/shm/secret',
  'uncover what lies below /tmp': 'umount -l /tmp && ls $SEEN',
  'uncover what lies below /tmp, as root of a user namespace':
    'unshare -rm sh -c "umount -l /tmp && ls -d $SEEN"',
  "uncover the machine's /proc, as root of a user namespace":
    'unshare -rm sh -c "umount -l /proc && ls -d /proc/$WORKER"',
  "put another run's folder out of its place": 'mv "$TASKS/$VICTIM" "$TASKS/gone"',
  "remove another run's folder": 'rm -r "$TASKS/$VICTIM"',
  "write into the worker's folder for runs": 'touch "$TASKS/$LEFT"',
  "write into the worker's caches": 'touch "$CACHES/$LEFT"',
  "read the worker's caches": 'ls "$CACHES"',
  "read the worker's downloads": 'ls "$DOWNLOADS"',
  "change the worker's code": 'touch "$CODE/$LEFT.ts"',
  "read the worker's memory": 'head -c 1 "/proc/$WORKER/mem"',
  "read the worker's environment": 'cat "/proc/$WORKER/environ"',
  "list the worker's descriptors": 'ls "/proc/$WORKER/fd"',
  'go where the worker is': 'cd "/proc/$WORKER/cwd"',
  "see the worker's arguments": 'cat "/proc/$WORKER/cmdline"',
  'trace the worker': '"$TRACER" try "$WORKER" | grep .',
  'trace the first process of its namespace': '"$TRACER" try 1 | grep .',
  'trace it with every capability of a user namespace': '"$TRACER" nested try 1 | grep .',
  'read the environment of any process but its own':
    'for p in /proc/[0-9]*; do [ "$(stat -c %u $p 2>/dev/null)" = 0 ] && cat $p/environ && echo read; done 2>/dev/null | grep -a .',
  'kill the worker': 'kill -KILL "$WORKER"',
  'kill the first process of its namespace': 'kill -KILL 1',
  'enter the namespace of the first process': 'nsenter --mount=/proc/1/ns/mnt ls "$KEY"',
  'become root': 'setpriv --reuid=0 id',
  'leave its group': 'setpriv --regid=0 --clear-groups id',
  'make a program of root': 'cp /bin/sh own && chown 0 own',
  'read the disk': 'head -c 1 "$(df --output=source / | tail -n 1)"',
  'read the memory of the machine': 'head -c 1 /dev/mem || head -c 1 /proc/kcore',
  'have core dumps sent to a program': 'echo "|$PWD/x" >/proc/sys/kernel/core_pattern',
  'load a module': 'echo x >/proc/sys/kernel/modprobe',
  'write into a terminal':
    'for t in /dev/pts/[0-9]* /dev/tty[0-9]* /dev/console; do echo x >$t && exit 0; done; exit 1',
  'change users of the machine': 'echo x >>/etc/passwd',
  'replace users of the machine': 'cp /etc/passwd p && mv p /etc/passwd',
  'have cron start something':
    'echo "* * * * * root id" >/etc/cron.d/$LEFT || echo x >/var/spool/cron/crontabs/$LEFT',
  'have at start something':
    'mkdir -p /var/spool/at && echo id >/var/spool/at/$LEFT || echo id >/var/spool/cron/atjobs/$LEFT',
  'see a token in its environment': 'env | grep -ie token -e password -e secret',
  'move to the control group of the worker':
    'for g in $(find /sys/fs/cgroup -maxdepth 3 -name cgroup.procs); do echo $$ >$g && exit 0; done; exit 1',
};

/** What a task leaves. The next one must find nothing of it. */
const LEAVINGS =
  'for d in /tmp /var/tmp /dev/shm /dev/mqueue /run/lock /var/crash /var/mail /var/spool/* .; do mkdir "$d/$LEFT"; touch "$d/$LEFT.file"; done 2>/dev/null; ' +
  'ipcmk -M 4096 -Q -S 1 >/dev/null; ls -d "/tmp/$LEFT" "/dev/shm/$LEFT"; ipcs -m | grep -c "^0x"';
const LOOK =
  `find /tmp /var/tmp /dev/shm /dev/mqueue /run/lock /var/crash /var/mail /var/spool "$TASKS" -name '*${LEFT}*' 2>/dev/null; ` +
  "ipcs -mqs | grep -c '^0x'; echo looked";

describe.runIf(canBeUsers)('a task of the user engine', () => {
  const seen = new Map<string, { readonly exitCode: number; readonly text: string }>();
  let left = '';
  let looked = '';
  let uploads: readonly { name: string; storageType: string }[] = [];
  let victim = { files: [] as string[], log: '', state: '' };
  let leftInTasks: string[] = [];
  let config = '';

  beforeAll(async () => {
    // Not below /tmp, which a task sees nothing of.
    const folder = openFolder('/var/lib');
    const tasksDir = join(folder, 'tasks');
    const [key, configFile] = [join(folder, 'key'), join(folder, 'tcw.yml')];
    writeFileSync(key, newEd25519Key().reveal(), { mode: 0o600 });
    writeFileSync(configFile, `accessToken: ${SECRET}\n`, { mode: 0o600 });
    const cachesDir = join(folder, 'caches');
    const downloadsDir = join(folder, 'downloads');
    // As another engine may have left them.
    for (const each of [cachesDir, downloadsDir]) mkdirSync(each, { mode: 0o755 });
    const here = await deployment();
    try {
      const worker = await here.startWorker({
        engine: 'user',
        taskUserIds: someUserIds(),
        capacity: 2,
        tasksDir,
        cachesDir,
        downloadsDir,
        ed25519SigningKeyLocation: key,
      });
      const scopes = ['generic-worker:cache:attacked'];
      const other = await here.createTask(
        sh(
          `umask 000; echo ${SECRET} | tee secret /tmp/secret /dev/shm/secret $TMPDIR/secret; ` +
            `until [ -e /tmp/enough ] || [ $((n = n + 1)) -gt 600 ]; do sleep 0.2; done; ls`,
        ),
      );
      await here.running(other);
      await waitFor(() => {
        expect(existsSync(join(tasksDir, `task_${other}_0`, 'secret'))).toBe(true);
      });
      const tracer = join(folder, 'tracer');
      await compile(new URL('tracer.c', import.meta.url), tracer);
      const script = Object.entries(TRIES)
        .map(([what, line]) => `try ${shellQuoted(what)} ${shellQuoted(line)}`)
        .join('\n');
      const env = {
        KEY: key,
        CONFIG: configFile,
        TASKS: tasksDir,
        VICTIM: `task_${other}_0`,
        CACHES: cachesDir,
        DOWNLOADS: downloadsDir,
        CODE,
        WORKER: String(process.pid),
        TRACER: './tracer',
        NODE: process.execPath,
        LEFT,
        SEEN: openFolder(),
      };
      const hostile = await here.createTask(
        {
          env,
          mounts: [
            { content: { base64: readFileSync(tracer).toString('base64') }, file: 'tracer' },
            { cacheName: 'attacked', directory: 'cache' },
          ],
          features: { chainOfTrust: true },
          artifacts: [
            { type: 'file', path: 'to-key', name: 'public/link', optional: true },
            { type: 'file', path: 'hard', name: 'public/hard', optional: true },
            { type: 'file', path: 'swapped', name: 'public/swapped', optional: true },
            { type: 'directory', path: 'd', name: 'public/d', optional: true },
            { type: 'file', path: key, name: 'public/absolute', optional: true },
            { type: 'file', path: 'proc-link', name: 'public/proc', optional: true },
            { type: 'file', path: '../.tcw-users', name: 'public/outside', optional: true },
          ],
          ...sh(
            `chmod 755 tracer; try() { text=$(timeout 20 sh -c "$2" 2>&1); code=$?; ` +
              `echo "@ $code $(printf %s "$1" | base64 -w 0) $(printf %s "$text" | head -c 2000 | base64 -w 0)"; }\n${script}\n` +
              `ln -s ${key} to-key; ln ${key} hard; mkdir d; ln -s ${key} d/key; ln -s ${folder} d/folder; ` +
              `ln -s /proc/self/environ proc-link; ln -s ${key} cache/key; mkdir cache/tasks; ln -s ${tasksDir} cache/tasks/all; ` +
              `cp /bin/true cache/set; chmod 6755 cache/set; echo mine >real; ` +
              `(while :; do ln -sf ${key} swapped; ln -f real swapped; done) >/dev/null 2>&1 & ` +
              `echo '{"key": 1}' >real.json; ln -s ${key} chain-of-trust-additional-data.json; ${LEAVINGS}`,
          ),
        },
        { scopes },
      );
      await here.resolved(hostile);
      const log = await here.log(hostile);
      for (const [, code = '', what = '', text = ''] of log.matchAll(/^@ (\d+) (\S+) ?(\S*)$/gm)) {
        const [name, output] = [what, text].map(each => Buffer.from(each, 'base64').toString());
        seen.set((name ?? '').trim(), { exitCode: Number(code), text: output ?? '' });
      }
      left = log;
      uploads = await here.artifacts(hostile);
      const texts = await Promise.all(
        uploads
          .filter(({ storageType, name }) => storageType === 's3' && !name.includes('log'))
          .map(async ({ name }) => (await here.artifact(hostile, name)).toString()),
      );
      left += texts.join('\n');
      const next = await here.createTask(
        {
          env,
          mounts: [{ cacheName: 'attacked', directory: 'cache' }],
          ...sh(`${LOOK}; stat -c 'mode %a' cache/set; cat cache/key`),
        },
        { scopes },
      );
      await here.resolved(next);
      looked = await here.log(next);
      leftInTasks = readdirSync(tasksDir);
      victim = { ...victim, files: readdirSync(join(tasksDir, `task_${other}_0`)) };
      await here.cancelTask(other);
      config = readFileSync(configFile, 'utf8');
      expect(worker.events.some(({ type }) => type === 'run-broke')).toBe(false);
    } finally {
      await here.close();
    }
  }, 240_000);

  it.each(Object.keys(TRIES))('cannot %s', what => {
    const result = seen.get(what);
    expect(result, 'it was tried').toBeDefined();
    expect(result?.exitCode, result?.text).not.toBe(0);
    expect(result?.text).not.toContain(SECRET);
  });

  it('reveals nothing of that in its log and artifacts', () => {
    expect(left).toContain('Task Finished');
    expect(left).not.toContain(SECRET);
    const types = Object.fromEntries(uploads.map(({ name, storageType }) => [name, storageType]));
    expect(types['public/swapped'] ?? 'none').toMatch(/^(s3|error|none)$/);
    for (const name of ['link', 'hard', 'd/key', 'absolute', 'proc', 'outside'])
      expect(types[`public/${name}`], name).toBe('error');
    expect(left).not.toMatch(/ed25519:|PRIVATE/);
  });

  it('leaves nothing that the next task sees, and nothing outside its folder', () => {
    expect(looked).toMatch(/^0\nlooked$/m);
    expect(looked.split('\n').filter(line => line.startsWith('/'))).toEqual([]);
    expect(looked).toContain('mode 755');
    expect(looked).toMatch(/cache\/key: Permission denied/);
    expect(leftInTasks.join()).not.toContain(LEFT);
  });

  it('changes nothing of the worker or of another run', () => {
    expect(victim.files).toContain('secret');
    expect(config).toBe(`accessToken: ${SECRET}\n`);
    expect(existsSync(`${CODE}/${LEFT}.ts`)).toBe(false);
  });

  it('does not gain a file of the machine by a hard link in a cache', async () => {
    const folder = openFolder();
    const [cache, file] = [join(folder, 'cache'), join(folder, 'of-the-machine')];
    mkdirSync(cache);
    writeFileSync(file, '');
    writeFileSync(join(cache, 'own'), '');
    await giveFolder(cache, { uid: 4_001, gid: 4_001 });
    // Where the system lets users link to what is not theirs (fs.protected_hardlinks).
    linkSync(file, join(cache, 'link'));
    await giveFolder(cache, { uid: 4_002, gid: 4_002 });
    expect([file, cache, join(cache, 'own')].map(each => statSync(each).uid)).toEqual([0, 4_002, 4_002]);
  });

  it('gets no devices and setuid programs from a cache that root of a container has filled', async () => {
    const cache = join(openFolder(), 'cache');
    mkdirSync(cache);
    chownSync(cache, 1, 1);
    const [one, disk, data] = ['one', 'disk', 'data'].map(name => join(cache, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(one, '');
    chmodSync(one, 0o4755);
    linkSync(one, join(cache, 'two'));
    writeFileSync(data, '');
    linkSync(data, join(cache, 'same-data'));
    await execa('mknod', ['-m', '666', disk, 'b', '8', '0']);
    await giveFolder(cache, { uid: 4_001, gid: 4_001 });
    const names = readdirSync(cache);
    expect(names).not.toContain('disk');
    expect(names).toEqual(expect.arrayContaining(['data', 'same-data']));
    const programs = names
      .map(name => statSync(join(cache, name)))
      .filter(({ mode }) => (mode & 0o111) !== 0);
    // Its last name is that of a file that nobody has but the task.
    expect(programs.map(({ uid, mode }) => [uid, mode & 0o7777])).toEqual([[4_001, 0o755]]);
  });
});
