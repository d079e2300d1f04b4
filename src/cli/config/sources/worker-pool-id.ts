import { invalid, type Problem } from '../problem.ts';
import type { Setting, Source } from '../source.ts';

const HALVES = ['provisionerId', 'workerType'] as const;

/** Splits the `workerPoolId` of a source into the two properties that it stands for. */
export function withPoolHalves(source: Source): Source {
  const given = source.settings.get('workerPoolId');
  const halves = typeof given?.value === 'string' ? given.value.split('/') : [];
  if (!given || halves.length !== HALVES.length) return source;
  const settings = new Map<string, Setting>(source.settings);
  const problems: Problem[] = [];
  for (const [index, name] of HALVES.entries()) {
    const own = source.settings.get(name);
    const value = halves[index] ?? '';
    if (own && own.value !== value) {
      problems.push(
        invalid(
          `${given.place}: workerPoolId says that ${name} is ${value}, and ${name} says otherwise; give one of them`,
        ),
      );
    }
    settings.set(name, { value, place: given.place });
  }
  return { ...source, settings, problems: [...source.problems, ...problems] };
}
