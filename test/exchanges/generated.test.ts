import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { exchangesModule } from '../../scripts/generate/exchanges.ts';
import { exchanges, type ExchangeReference } from '../../src/exchanges/index.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = `${root}src/exchanges/generated/`;
const services = [...new Set(exchanges.map(({ service }) => service))];
const read = (service: string) => readFileSync(`${folder}${service}.ts`, 'utf8');

describe('the generated modules', () => {
  it('exist for each service', () => {
    const files = globSync('*.ts', { cwd: folder });
    expect(files.sort()).toEqual(services.map(service => `${service}.ts`).sort());
  });

  it.each(services)('match the output of the generator: %s', async name => {
    const module = (await import(`${folder}${name}.ts`)) as { default: Record<string, ExchangeReference> };
    const service = {
      name,
      exchanges: Object.entries(module.default).map(([name, { routingKey, ...reference }]) => ({
        name,
        ...reference,
        routingKey: [...routingKey],
      })),
    };
    const paths = globSync('taskcluster/**/*.json', { cwd: `${root}schemas` });
    const schemas = new Map(
      paths.map(path => [path, JSON.parse(readFileSync(`${root}schemas/${path}`, 'utf8')) as object]),
    );
    expect((await exchangesModule(service, schemas as never)).content).toBe(read(name));
  });

  it.each(services)('have a docstring for each type and each field: %s', service => {
    const file = ts.createSourceFile('module.ts', read(service), ts.ScriptTarget.Latest, true);
    const missing: string[] = [];
    const look = (node: ts.Node, within: string) => {
      const isType = ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node);
      const name = isType || ts.isPropertySignature(node) ? `${within}.${node.name.getText()}` : within;
      const documented = ts.getJSDocCommentsAndTags(node).length > 0;
      // The names of a service's own list say what it is.
      if (name !== within && !documented && !/^\.\w+Messages$/.test(name)) missing.push(name);
      ts.forEachChild(node, child => {
        look(child, name);
      });
    };
    look(file, '');
    expect(missing).toEqual([]);
  });
});

it('the docstring of an exchange says when it gets messages, and describes its routing key', () => {
  const index = `${root}src/exchanges/index.ts`;
  const program = ts.createProgram([index], {
    noLib: true,
    allowImportingTsExtensions: true,
    module: ts.ModuleKind.NodeNext,
    types: [],
  });
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(index);
  const symbol = file && checker.getSymbolAtLocation(file);
  if (!file || !symbol) throw new Error('there is no src/exchanges/index.ts');
  const shown = checker
    .getExportsOfModule(symbol)
    .filter(({ name }) => name.endsWith('Exchanges') && /^[a-z]/.test(name))
    .flatMap(service => checker.getTypeOfSymbolAtLocation(service, file).getProperties())
    .map(exchange => ts.displayPartsToString(exchange.getDocumentationComment(checker)));
  expect(shown).toHaveLength(exchanges.length);
  expect(shown.filter(text => !/^Published when .+\.\n\nRouting key: `.+`\.$/.test(text))).toEqual([]);
});
