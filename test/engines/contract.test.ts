import { expect, it } from 'vitest';
import { mockEngine } from '../../src/worker/engines/mock/index.ts';
import { nativeEngine } from '../../src/worker/engines/native/index.ts';
import { scriptEngine } from '../../src/worker/engines/script/index.ts';
import type { ContractEngine } from './contract-lacks.ts';
import { describeContract, type Subject, type Words } from './contract.ts';
import { engines } from './native-fixtures.ts';
import { canBeUsers, usersOwn } from './user-fixtures.ts';

const shell = (line: string, ...words: readonly string[]) => ['sh', '-c', line, 'sh', ...words];

/** The contract's commands for real processes. */
const processes: Words = {
  print: text => ['printf', '%s', text],
  exit: code => shell(`exit ${code}`),
  sleep: ms => ['sleep', String(ms / 1_000)],
  ignoreStop: ms => shell(`trap '' TERM; echo ready; sleep ${ms / 1_000}`),
  environment: () => ['env', '-0'],
  stdin: () => ['cat'],
  folder: () => shell('printf %s "$(pwd -P)"'),
  flood: bytes => ['head', '-c', String(bytes), '/dev/zero'],
  writeFile: (file, text) => shell('mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1"', file, text),
  readFile: file => ['cat', file],
  later: (ms, file) => shell(`(sleep ${ms / 1_000}; : >"$1") >/dev/null 2>&1 &`, file),
  connect: port => node(`require('node:net').connect(${port}, '127.0.0.1').resume()`),
  burn: (cpuMs, bytes) =>
    node(`
      const end = process.cpuUsage().user + ${cpuMs} * 1_000;
      const memory = Buffer.alloc(${bytes}, 1);
      while (process.cpuUsage().user < end);
      setTimeout(() => memory, 1_000);`),
};

const node = (code: string) => [process.execPath, '-e', code];

const NATIVE: Readonly<Record<(typeof engines)[number]['containment'], ContractEngine>> = {
  'pid-namespace': 'native, PID namespace',
  'process-group': 'native, process group',
};

const subjects: Subject[] = [
  ...engines.map((engine): Subject => ({
    name: `native, ${engine.containment}`,
    engine,
    kind: NATIVE[engine.containment],
    words: processes,
  })),
  ...(await Promise.all(
    engines.map(async ({ containment }): Promise<Subject> => ({
      name: `script, ${containment}`,
      kind: 'script',
      engine: await scriptEngine({ containment }),
      words: {
        ...processes,
        errors: {
          argv: shell('echo out; printf "err\\nno end" >&2'),
          shown: 'out\n[worker:error] err\n[worker:error] no end\n',
        },
      },
    })),
  )),
  ...(await Promise.all(
    (canBeUsers ? (['private', 'machine'] as const) : []).map(async (accounts): Promise<Subject> => ({
      name: `user, ${accounts} accounts`,
      ...(await usersOwn({ accounts })),
      kind: 'user',
      words: processes,
    })),
  )),
  {
    name: 'mock',
    kind: 'mock',
    engine: mockEngine(),
    words: {
      print: text => ['print', text],
      exit: code => ['exit', String(code)],
      sleep: ms => ['sleep', String(ms)],
      ignoreStop: ms => ['all', '["print", "ready"]', JSON.stringify(['ignore-stop', String(ms)])],
      environment: () => ['print-environment'],
      stdin: () => ['print-stdin'],
      folder: () => ['print-folder'],
      flood: bytes => ['flood', String(bytes)],
      writeFile: (file, text) => ['write-file', file, text],
      readFile: file => ['read-file', file],
      later: (ms, file) => ['later', String(ms), file],
      connect: port => ['get-url', `http://127.0.0.1:${port}`],
    },
  },
];

for (const subject of subjects) describeContract(subject);

it('is put to the native engine in each containment that this machine allows', async () => {
  const { containment } = await nativeEngine();
  expect(engines.map(engine => engine.containment)).toContain(containment);
});
