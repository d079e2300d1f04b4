import { execa } from 'execa';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { DockerClient } from '../../../src/worker/engines/docker/api/index.ts';
import { tarOf, type TarEntry } from '../../worker/unpack/tar-maker.ts';

export interface TestImage {
  /** `tcw-test-1a2b3c4d:latest` */
  readonly name: string;
  /** `sha256:…` */
  readonly id: string;
}

export interface TestImageOptions {
  /** A name with a tag. Default: a unique name. */
  readonly name?: string;
  /** Files in addition to busybox. */
  readonly entries?: readonly TarEntry[];
  /** Lines of a Dockerfile: `CMD ["true"]`, `ENV A=b`, `USER nobody`. */
  readonly changes?: readonly string[];
}

/**
 * Makes an image from this machine's busybox. It has a link for each of busybox's programs, the users root and nobody,
 * and `/tmp`. Two images with the same options have different IDs.
 *
 * @param client of the engine that gets the image
 */
export async function makeImage(client: DockerClient, options: TestImageOptions = {}): Promise<TestImage> {
  const { name = `${testName()}:latest`, entries = [], changes = ['CMD ["sh"]'] } = options;
  const lines = changes.map(line => ['changes', line]);
  const [repo = '', tag = ''] = name.split(/:(?=[^:/]*$)/);
  const answer = await client.stream({
    method: 'POST',
    // Each line is a query parameter. All have the same name.
    path: `/images/create?${new URLSearchParams([['fromSrc', '-'], ['repo', repo], ['tag', tag], ...lines]).toString()}`,
    headers: { 'content-type': 'application/x-tar' },
    body: Readable.from([await rootFolder([...entries, { name: 'etc/image', content: name }])]),
  });
  const said = await text(answer.body);
  if (said.includes('"error"')) throw new Error(`the engine could not import an image: ${said}`);
  const { Id } = await client.json<{ Id: string }>({ method: 'GET', path: `/images/${name}/json` });
  return { name, id: Id };
}

/** A unique name for something that a test creates in the engine. */
export function testName(): string {
  return `tcw-test-${randomBytes(4).toString('hex')}`;
}

/** A tar archive of everything that a container with busybox needs. */
async function rootFolder(entries: readonly TarEntry[] = []): Promise<Buffer> {
  const { stdout: file } = await execa('sh', ['-c', 'command -v busybox']);
  const { stdout: list } = await execa('busybox', ['--list']);
  const programs = list.split('\n').filter(program => program !== 'busybox');
  return tarOf([
    { name: 'tmp/', type: '5', mode: 0o1777 },
    { name: 'root/', type: '5', mode: 0o700 },
    { name: 'bin/busybox', content: await readFile(file), mode: 0o755 },
    ...programs.map(program => ({ name: `bin/${program}`, type: '2', target: 'busybox' })),
    {
      name: 'etc/passwd',
      content: 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n',
    },
    { name: 'etc/group', content: 'root:x:0:\nnogroup:x:65534:\n' },
    ...entries,
  ]);
}
