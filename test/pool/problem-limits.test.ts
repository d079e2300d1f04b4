import { expect, it } from 'vitest';
import { withinLimits } from '../../src/pool/problem-limits.ts';

const problem = {
  kind: 'worker-error',
  title: 'tcw error',
  description: 'the disk is gone',
  extra: { a: 1 },
};

it('leaves a report alone that worker-manager takes', () => {
  expect(withinLimits(problem)).toEqual(problem);
});

it('cuts what is too long, by whole characters, because worker-manager would refuse all of it', () => {
  const { title, description } = withinLimits({
    ...problem,
    title: 't'.repeat(200),
    description: '🙂'.repeat(6_000),
  });
  expect(title).toHaveLength(128);
  expect(description.length).toBeLessThanOrEqual(10_240);
  expect(description).toMatch(/^(🙂)+ …$/u);
});

it.each([
  ['Worker Error!', 'worker-error-'],
  ['', 'worker-error'],
  ['k'.repeat(200), 'k'.repeat(128)],
])('makes a kind of %j that fits its pattern', (kind, fitting) => {
  expect(withinLimits({ ...problem, kind }).kind).toBe(fitting);
});
