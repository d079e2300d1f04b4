import { afterAll } from 'vitest';
import { describeContract, type Subject, type Words } from '../contract.ts';
import { engine, image } from './fixtures.ts';

const shell = (line: string, ...words: readonly string[]) => ['sh', '-c', line, 'sh', ...words];

/** The contract's commands for busybox. */
const words: Words = {
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
  // The end of the input would end the connection.
  connect: port => shell(`mkfifo /tmp/open && nc ${engine.hostAddress} ${port} <>/tmp/open >/dev/null`),
  burn: (cpuMs, bytes) =>
    shell(`
      memory=$(head -c ${1.5 * bytes} /dev/zero | tr '\\0' x)
      while read -r _ _ _ _ _ _ _ _ _ _ _ _ _ user kernel _ </proc/$$/stat; do
        [ $(((user + kernel) * 10)) -lt ${cpuMs} ] || break
      done
      sleep 3
      : "$memory"`),
};

const subject: Subject = {
  name: 'docker',
  kind: 'docker',
  engine,
  words,
  container: folder => ({
    image: image.id,
    binds: [{ source: folder, target: folder }],
    folder,
    tty: false,
  }),
  ownVariables: ['HOSTNAME'],
  serverAddress: engine.hostAddress,
};

afterAll(() => engine.close());

describeContract(subject);
