import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registryCredentials } from '../../../src/worker/registry-credentials.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tcw-registry-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(content: unknown) {
  const file = join(folder, 'config.json');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  const logins = await registryCredentials(file);
  return [...logins].map(([host, { username, password }]) => [host, username, password.reveal()]);
}

const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });

describe('the credentials of registries', () => {
  it('are read in the format of docker login, by registry host', async () => {
    const auths = {
      'https://index.docker.io/v1/': auth('me:p:w'),
      '127.0.0.1:5000': auth('you:secret'),
      'https://images.example.com/v2/': auth('they:other'),
    };
    expect(await read({ auths, HttpHeaders: {} })).toEqual([
      ['docker.io', 'me', 'p:w'],
      ['127.0.0.1:5000', 'you', 'secret'],
      ['images.example.com', 'they', 'other'],
    ]);
    expect(await read({})).toEqual([]);
  });

  it.each([
    ['invalid JSON', '{"auths": {"x": {"auth": "cHJlY2lvdXM6cHJlY2lvdXM="', 'is not a Docker configuration'],
    [
      'an entry without credentials',
      { auths: { 'x.example.com': auth('precious') } },
      'has no user and password for "x.example.com"',
    ],
    ['an invalid list', { auths: { x: 7 } }, 'is not a Docker configuration'],
    [
      'a reference to a credentials helper',
      { credsStore: 'precious' },
      'refers to a program for credentials',
    ],
  ])('are invalid in %s, with a message without secrets', async (_, content, message) => {
    await expect(read(content)).rejects.toThrow(message);
    await expect(read(content)).rejects.not.toThrow('precious');
  });

  it('are invalid if the file cannot be read', async () => {
    await expect(registryCredentials(join(folder, 'missing'))).rejects.toThrow(
      /^dockerConfigLocation: .*ENOENT/,
    );
  });
});
