import { expect, it } from 'vitest';
import { masksOf } from '../../../src/worker/features/encrypted-env/masks.ts';

const KEY = ['-----BEGIN PRIVATE KEY-----', 'MC4CAQAwBQYDK2VwBCIEIJ', 'short', '-----END PRIVATE KEY-----'];

const textsOf = (value: string) => masksOf([['A', value]]).texts;
const lines = (count: number, of = 'a secret') =>
  Array.from({ length: count }, (_, line) => `line of ${of} ${line}`).join('\n');

it('a value of one line becomes one mask, without the whitespace that a shell strips', () => {
  expect(textsOf('secret')).toEqual(['secret']);
  expect(textsOf(' secret\r\n')).toEqual(['secret']);
});

it('an empty value becomes no mask', () => {
  expect(textsOf('')).toEqual([]);
  expect(textsOf(' \n')).toEqual([]);
});

it('a value of several lines becomes one mask for each line ending, and one for each long line', () => {
  const long = KEY.filter(line => line !== 'short');
  for (const end of ['\n', '\r\n']) {
    expect([...textsOf(KEY.map(line => `  ${line}`).join(end))].sort()).toEqual(
      [
        KEY.map(line => `  ${line}`)
          .join('\n')
          .trim(),
        KEY.map(line => `  ${line}`)
          .join('\r\n')
          .trim(),
        ...long,
      ].sort(),
    );
  }
});

it('a value of very many lines becomes a single mask, and its name is reported', () => {
  const many = lines(501);
  expect(masksOf([['MANY', many]])).toEqual({
    texts: [many, many.replaceAll('\n', '\r\n')],
    onlyWhole: ['MANY'],
  });
});

it('the masks of all variables are limited, and a value with too many takes none from others', () => {
  const { texts, onlyWhole } = masksOf([
    ['A', lines(300, 'secret A')],
    ['B', lines(300, 'secret B')],
    ['C', lines(200, 'secret C')],
    ['SAME', lines(300, 'secret A')],
  ]);
  expect(onlyWhole).toEqual(['B']);
  expect(texts.filter(text => !text.includes('\n'))).toHaveLength(500);
  expect(texts).toContain(lines(300, 'secret B'));
});
