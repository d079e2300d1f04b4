import { globSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import ts from 'typescript';

/** Returns the parsed code files of a folder. Their names are relative to it, with forward slashes. */
export function sourceFiles(root: string): ts.SourceFile[] {
  const isInstalledOrBuilt = (name: string) => name === 'node_modules' || name === 'dist' || name === '.git';
  return globSync('**/*.{ts,js}', { cwd: root, exclude: isInstalledOrBuilt })
    .map(file => file.replaceAll(sep, '/'))
    .sort()
    .map(file => ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.Latest));
}

export interface Import {
  /** The specifier as written: `./a.ts`, `rxjs`, `node:fs`. */
  readonly from: string;
  /** The imported names; `*` if they are unknown. */
  readonly names: readonly string[];
}

/** Returns all imports of a file: import statements, re-exports, `import('…')` of values and types, `require('…')`. */
export function importsOf(file: ts.SourceFile): Import[] {
  const found: Import[] = [];
  const add = (from: ts.Node | undefined, names: readonly string[]) => {
    if (from && ts.isStringLiteral(from)) found.push({ from: from.text, names });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, importedNames(node.importClause));
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, namesIn(node.exportClause));
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal, ['*']);
    else if (ts.isCallExpression(node) && loads(node.expression)) add(node.arguments[0], ['*']);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

function importedNames(clause: ts.ImportClause | undefined): string[] {
  if (!clause) return [];
  return [
    ...(clause.name ? ['default'] : []),
    ...(clause.namedBindings ? namesIn(clause.namedBindings) : []),
  ];
}

function namesIn(bindings: ts.NamedImportBindings | ts.NamedExportBindings | undefined): string[] {
  if (!bindings || ts.isNamespaceImport(bindings) || ts.isNamespaceExport(bindings)) return ['*'];
  return bindings.elements.map(({ name, propertyName }) => (propertyName ?? name).text);
}

function loads(callee: ts.Expression): boolean {
  return (
    callee.kind === ts.SyntaxKind.ImportKeyword || (ts.isIdentifier(callee) && callee.text === 'require')
  );
}
