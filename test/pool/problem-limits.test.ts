import { expect, it } from 'vitest';
import { withinLimits } from '../../src/pool/problem-limits.ts';

const problem = {
  kind: 'worker-error',
  title: 'tcw error',
  description: 'the disk is gone',
  extra: { a: 1 },
};

it('does not change a report that worker-manager accepts', () => {
  expect(withinLimits(problem)).toEqual(problem);
});

it('shortens what is too long, at character boundaries, because worker-manager would refuse the whole report', () => {
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
])('turns %j into a kind that matches its pattern', (kind, fitting) => {
  expect(withinLimits({ ...problem, kind }).kind).toBe(fitting);
});
