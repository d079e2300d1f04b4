import { posix } from 'node:path';
import ts from 'typescript';
import { report } from './problems.ts';
import { importsOf, sourceFiles } from './source-files.ts';

/** What others may import, or a tool does: the public doors, and the modules that are found by their name. */
const ENTRIES = new Set([
  'src/pulse/index.ts',
  'src/pulse/testing.ts',
  'src/exchanges/index.ts',
  'src/streams/index.ts',
  'src/worker/index.ts',
  'src/cli/main.ts',
  'test/harness/global-setup.ts',
  'vitest.config.ts',
  'vitest.alone.config.ts',
  'vitest.docker.config.ts',
]);

/**
 * The exports of a folder's TypeScript that nothing imports, one line for each file.
 *
 * A type may also be exported because an exported function speaks of it: one that its own file uses is used.
 *
 * Why not a package: ts-unused-exports 11 does not find imports that end in `/index.ts`.
 */
export function unusedExports(root: string): string[] {
  const files = sourceFiles(root);
  const imported = new Map<string, Set<string>>();
  for (const file of files) {
    for (const { from, names } of importsOf(file)) {
      if (!from.startsWith('.')) continue;
      const target = posix.join(posix.dirname(file.fileName), from);
      imported.set(target, new Set([...(imported.get(target) ?? []), ...names]));
    }
  }

  const judged = files.filter(({ fileName }) => isJudged(fileName));
  if (judged.length === 0) return ['looked at nothing: there is no TypeScript here'];
  return judged.flatMap(file => {
    const used = imported.get(file.fileName) ?? new Set();
    if (used.has('*')) return [];
    const unused = exportsOf(file).filter(({ name, needed }) => !used.has(name) && !needed);
    return unused.length === 0 ? [] : [`${file.fileName}: ${unused.map(({ name }) => name).join(', ')}`];
  });
}

function isJudged(name: string): boolean {
  return /(?<!\.d)\.ts$/.test(name) && !name.includes('/generated/') && !ENTRIES.has(name);
}

interface Export {
  readonly name: string;
  /** A type that its own file uses. */
  readonly needed: boolean;
}

function exportsOf(file: ts.SourceFile): Export[] {
  return file.statements.flatMap(statement => {
    if (ts.isExportAssignment(statement)) return [{ name: 'default', needed: false }];
    if (ts.isExportDeclaration(statement)) return reExports(statement);
    if (!ts.canHaveModifiers(statement)) return [];
    const modifiers = (ts.getModifiers(statement) ?? []).map(({ kind }) => kind);
    if (!modifiers.includes(ts.SyntaxKind.ExportKeyword)) return [];
    if (modifiers.includes(ts.SyntaxKind.DefaultKeyword)) return [{ name: 'default', needed: false }];
    const isType = ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement);
    return declaredNames(statement).map(name => ({ name, needed: isType && mentions(file, name) > 1 }));
  });
}

function reExports({ exportClause }: ts.ExportDeclaration): Export[] {
  if (!exportClause) return [];
  const names = ts.isNamespaceExport(exportClause) ? [exportClause] : exportClause.elements;
  return [...names].map(({ name }) => ({ name: name.text, needed: false }));
}

function declaredNames(node: ts.Node): string[] {
  if (ts.isVariableStatement(node)) return node.declarationList.declarations.flatMap(declaredNames);
  if (ts.isObjectBindingPattern(node) || ts.isArrayBindingPattern(node)) {
    return node.elements.flatMap(declaredNames);
  }
  const { name } = node as ts.NamedDeclaration;
  if (!name) return [];
  return ts.isIdentifier(name) ? [name.text] : declaredNames(name);
}

function mentions(node: ts.Node, name: string): number {
  let count = ts.isIdentifier(node) && node.text === name ? 1 : 0;
  ts.forEachChild(node, child => {
    count += mentions(child, name);
  });
  return count;
}

if (import.meta.main) report(unusedExports(process.cwd()));
