import { dirname, join } from 'node:path';
import ts from 'typescript';

/** One export of a public module: its declaration as editors show it to users, docstring included. */
export interface Exported {
  readonly name: string;
  /** The file that declares it, below `src` and without its extension: `pulse/consume/message`. */
  readonly module: string;
  readonly node: ts.Declaration;
}

/**
 * Returns the exports of each entry, from the declarations that the compiler writes. There, inferred types are spelled
 * out, and function bodies and everything marked `@internal` are removed.
 *
 * @param entries absolute names of `.ts` files
 * @returns the exports of each entry, in the order of its export statements
 */
export function exportsOf(entries: readonly string[]): Exported[][] {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2024,
    lib: ['lib.es2024.d.ts', 'lib.esnext.disposable.d.ts'],
    module: ts.ModuleKind.NodeNext,
    types: ['node'],
    strict: true,
    allowImportingTsExtensions: true,
    declaration: true,
    emitDeclarationOnly: true,
    stripInternal: true,
    skipLibCheck: true,
  };
  const written = new Map<string, ts.SourceFile>();
  const program = ts.createProgram(entries, options);
  program.emit(undefined, (name, text) => {
    const source = name.replace(/\.d\.ts$/, '.ts');
    written.set(source, ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true));
  });
  return entries.map(entry => named(entry, written));
}

function named(entry: string, written: ReadonlyMap<string, ts.SourceFile>): Exported[] {
  const file = written.get(entry);
  if (!file) throw new Error(`the compiler has written no declarations of ${entry}`);
  const own = file.statements.flatMap(statement => declared(statement, entry));
  return [
    ...own,
    ...file.statements.flatMap(statement => {
      if (!ts.isExportDeclaration(statement) || !statement.moduleSpecifier) return [];
      const specifier = (statement.moduleSpecifier as ts.StringLiteral).text;
      const all = named(join(dirname(entry), specifier), written);
      if (!statement.exportClause) return all;
      const { elements } = statement.exportClause as ts.NamedExports;
      return elements.map(({ name, propertyName }) => {
        const found = all.find(one => one.name === (propertyName ?? name).text);
        if (!found) throw new Error(`${specifier} has no declaration of ${name.text}`);
        return found;
      });
    }),
  ];
}

function declared(statement: ts.Statement, file: string): Exported[] {
  if (!ts.canHaveModifiers(statement)) return [];
  const exported = ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
  if (!exported) return [];
  const module = /\/src\/(.+)\.ts$/.exec(file)?.[1] ?? file;
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(node => ({
      name: node.name.getText(),
      module,
      node,
    }));
  }
  const node = statement as ts.Statement & ts.NamedDeclaration;
  return [{ name: node.name?.getText() ?? 'default', module, node }];
}
