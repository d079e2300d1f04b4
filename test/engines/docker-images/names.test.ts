import { describe, expect, it } from 'vitest';
import { imageName } from '../../../src/worker/engines/docker/images/image-name.ts';
import {
  described,
  formerName,
  keptArchiveName,
  keptNameIn,
  keptNameOf,
  textOf,
} from '../../../src/worker/engines/docker/images/kept-name.ts';

const HEX = '0123456789abcdef'.repeat(4);

describe('the name of an image', () => {
  it.each([
    ['ubuntu', 'docker.io/library/ubuntu:latest'],
    ['ubuntu:24.04', 'docker.io/library/ubuntu:24.04'],
    ['docker.io/ubuntu', 'docker.io/library/ubuntu:latest'],
    ['index.docker.io/library/ubuntu', 'docker.io/library/ubuntu:latest'],
    ['taskcluster/image-builder:5.0', 'docker.io/taskcluster/image-builder:5.0'],
    ['localhost/a', 'localhost/a:latest'],
    ['localhost:5000/a/b:c', 'localhost:5000/a/b:c'],
    ['Example.org/a', 'example.org/a:latest'],
    [`quay.io/a/b@sha256:${HEX}`, `quay.io/a/b@sha256:${HEX}`],
    [`quay.io/a/b:1@sha256:${HEX}`, `quay.io/a/b@sha256:${HEX}`],
    ['a/b_c__d-e--f.g', 'docker.io/a/b_c__d-e--f.g:latest'],
    ['e9e54825cca2', 'docker.io/library/e9e54825cca2:latest'],
  ])('%s is %s', (text, full) => {
    expect(imageName(text).full).toBe(full);
  });

  it.each([
    ['', 'lower-case letters'],
    ['Ubuntu', 'lower-case letters'],
    ['ubuntu:', 'its tag'],
    ['ubuntu:a/b', 'is not a host'],
    ['ubuntu:-1', 'its tag'],
    [' ubuntu', 'lower-case letters'],
    ['ubuntu\n', 'lower-case letters'],
    ['../ubuntu', 'is not a host'],
    ['a//b', 'lower-case letters'],
    ['/a', 'lower-case letters'],
    ['a/b?c=d', 'lower-case letters'],
    ['ubuntu@sha256:0123', 'its digest'],
    ['ubuntu@md5:0123', 'its digest'],
    [HEX, 'an ID'],
    [`sha256:${HEX}`, 'an ID'],
    [`a b:${HEX}`, 'lower-case letters'],
    ['images.tcw.invalid/archive:1', 'reserved for the worker'],
    ['IMAGES.tcw.invalid/archive:1', 'reserved for the worker'],
    [`a/${'b'.repeat(255)}`, '255 characters'],
  ])('%j is invalid', (text, why) => {
    expect(() => imageName(text)).toThrow(why);
  });
});

describe('the name under which an image is stored', () => {
  it('is distinct for each name, and readable', () => {
    const all = ['a', 'a:1', `a@sha256:${HEX}`, `a:${HEX}`, 'localhost:5000/a', 'localhost/5000/a', 'x.y/a'];
    const kept = [
      ...all.map(name => keptNameOf(imageName(name))),
      keptArchiveName('a'),
      keptArchiveName('b'),
      formerName(`sha256:${HEX}`),
    ];
    expect(new Set(kept.map(textOf)).size).toBe(kept.length);
    for (const name of kept) expect(keptNameIn(textOf(name))).toEqual(name);
    expect(kept.map(described)).toEqual([
      'image docker.io/library/a:latest',
      'image docker.io/library/a:1',
      'image docker.io/library/a@0123456789ab',
      `image docker.io/library/a:${HEX}`,
      'image localhost:5000/a:latest',
      'image localhost/5000/a:latest',
      'image x.y/a:latest',
      'image of the archive ca978112ca1b',
      'image of the archive 3e23e8160039',
      'former image 0123456789ab',
    ]);
  });

  it('does not collide with names of other tools', () => {
    expect(keptNameIn('docker.io/library/a:1')).toBeUndefined();
    expect(keptNameIn('images.tcw.invalid.org/a:1')).toBeUndefined();
    expect(keptNameIn('<none>:<none>')).toBeUndefined();
  });

  it('is refused if it is too long for the engine', () => {
    expect(() => keptNameOf(imageName(`a/${'b'.repeat(240)}`))).toThrow('is too long');
  });
});
