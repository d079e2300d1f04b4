import { expect, it } from 'vitest';
import { masksOf } from '../../../src/worker/features/encrypted-env/masks.ts';

const KEY = ['-----BEGIN PRIVATE KEY-----', 'MC4CAQAwBQYDK2VwBCIEIJ', 'short', '-----END PRIVATE KEY-----'];

const textsOf = (value: string) => masksOf([['A', value]]).texts;
const lines = (count: number, of = 'a secret') =>
  Array.from({ length: count }, (_, line) => `line of ${of} ${line}`).join('\n');

it('one line is one text, without what a shell strips', () => {
  expect(textsOf('secret')).toEqual(['secret']);
  expect(textsOf(' secret\r\n')).toEqual(['secret']);
});

it('nothing is no text', () => {
  expect(textsOf('')).toEqual([]);
  expect(textsOf(' \n')).toEqual([]);
});

it('several lines are one text with each line end, and their long ones each', () => {
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

it('very many lines are only one text, and it is known whose', () => {
  const many = lines(501);
  expect(masksOf([['MANY', many]])).toEqual({
    texts: [many, many.replaceAll('\n', '\r\n')],
    onlyWhole: ['MANY'],
  });
});

it('all variables of a task have so many lines together, and a value that has too many takes none from others', () => {
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
