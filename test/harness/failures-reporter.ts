import { appendFileSync } from 'node:fs';
import { relative } from 'node:path';
import type { SerializedError } from 'vitest';
import type { Reporter, TestModule } from 'vitest/node';

/**
 * Appends a line for each failure to the file that `TCW_TEST_FAILURES` names, so that scripts/test.ts can repeat them
 * at the end of a long output. Without the variable, it does nothing.
 */
export default class FailuresReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const file = process.env.TCW_TEST_FAILURES;
    if (file === undefined) return;
    const lines = [...modules.flatMap(failuresOf), ...unhandled.map(({ message }) => firstLine(message))];
    // A repeated test often fails in the same way.
    for (const line of new Set(lines)) appendFileSync(file, `${line}\n`);
  }
}

/** One line for each error of a test, and of each suite or file outside its tests. */
function failuresOf(module: TestModule): string[] {
  const file = relative(process.cwd(), module.moduleId);
  const suites = [...module.children.allSuites()].map(suite => ({
    name: suite.fullName,
    errors: suite.errors(),
  }));
  const tests = [...module.children.allTests()].map(test => ({
    name: `${test.fullName}${test.result().state === 'passed' ? ' (passed when repeated)' : ''}`,
    // A test that passed when it was repeated still has the errors of its first run.
    errors: test.result().errors ?? [],
  }));
  return [{ name: 'outside its tests', errors: module.errors() }, ...suites, ...tests].flatMap(
    ({ name, errors }) => errors.map(({ message }) => `${file} > ${name}: ${firstLine(message)}`),
  );
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';
