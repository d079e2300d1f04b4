import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** What a module does when it is imported, beside declaring things: statements, and imports for their effect alone. */
function effectsOf(code: string): string[] {
  const { statements } = ts.createSourceFile('module.ts', code, ts.ScriptTarget.Latest);
  return statements
    .filter(statement => {
      if (ts.isImportDeclaration(statement)) return statement.importClause === undefined;
      return !(
        ts.isVariableStatement(statement) ||
        ts.isFunctionDeclaration(statement) ||
        ts.isClassDeclaration(statement) ||
        ts.isInterfaceDeclaration(statement) ||
        ts.isTypeAliasDeclaration(statement) ||
        ts.isModuleDeclaration(statement) ||
        ts.isExportDeclaration(statement) ||
        ts.isExportAssignment(statement)
      );
    })
    .map(({ pos, end }) => code.slice(pos, end).trim());
}

it('package.json declares modules free of side effects, and they are', () => {
  const { sideEffects } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
    sideEffects?: unknown;
  };
  // The programs of processes and threads are started, and imported by nobody.
  const programs = [
    'worker/engines/terminal/pty-process',
    'worker/engines/user/files-process',
    'worker/unpack/thread/main',
  ];
  expect(sideEffects).toEqual(programs.map(path => `./dist/${path}.js`));
  const started = new Set(programs.map(path => `src/${path}.ts`));
  const modules = globSync('src/**/*.ts', { cwd: root }).filter(path => !started.has(path));
  expect(modules.length).toBeGreaterThan(100);
  const found = modules.map(path => ({ path, effects: effectsOf(readFileSync(`${root}${path}`, 'utf8')) }));
  expect(found.filter(({ effects }) => effects.length > 0)).toEqual([]);
});

it('a side effect would be detected', () => {
  expect(
    effectsOf("import './polyfill.ts';\nconst a = 1;\nif (a) go();\nprocess.on('exit', go);"),
  ).toHaveLength(3);
});
