/**
 * Generates the JSON schemas, types and tables for Taskcluster's exchanges and for the APIs of its services.
 *
 *     npm run generate -- --references <file or root URL>
 *
 * The same references produce the same bytes. Files are written only if everything could be generated.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { apiModule, queueApiModule } from './generate/api.ts';
import { exchangesModule } from './generate/exchanges.ts';
import { GenerateFailure } from './generate/failure.ts';
import { json, writeFiles } from './generate/output.ts';
import { loadReferences, type References } from './generate/references.ts';
import { openSource } from './generate/source.ts';

const USAGE = 'usage: npm run generate -- --references <file or root URL> [--out <folder>]';

async function main(): Promise<void> {
  const { location, folder } = readArguments();
  const references = await loadReferences(await openSource(location));
  const files = await generate(references);
  await writeFiles(folder, files);
  const exchanges = references.services.flatMap(service => service.exchanges);
  console.log(
    `${references.schemas.size} schemas, ${exchanges.length} exchanges, ${references.apis.map(({ name, calls }) => `${calls.length} calls of ${name}`).join(', ')}`,
  );
}

async function generate({ services, apis, schemas }: References): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const [path, schema] of schemas) files.set(`schemas/${path}`, json(schema));
  let shared: ReadonlySet<string> = new Set();
  for (const service of services) {
    const { content, typeNames } = await exchangesModule(service, schemas);
    files.set(`src/exchanges/generated/${service.name}.ts`, content);
    if (service.name === 'queue') shared = typeNames;
  }
  for (const api of apis) {
    const isQueue = api.name === 'queue';
    const content = isQueue
      ? await queueApiModule(api.calls, schemas, shared)
      : await apiModule(api, schemas);
    files.set(`src/taskcluster/generated/${isQueue ? 'api' : `${api.name}-api`}.ts`, content);
  }
  return files;
}

function readArguments(): { location: string; folder: string } {
  const options = { references: { type: 'string' }, out: { type: 'string' } } as const;
  try {
    const { references, out } = parseArgs({ options }).values;
    if (references)
      return { location: references, folder: out ?? fileURLToPath(new URL('..', import.meta.url)) };
  } catch (cause) {
    const [words] = (cause as Error).message.split('. ');
    throw new GenerateFailure(`${words}; ${USAGE}`, undefined, { cause });
  }
  throw new GenerateFailure(USAGE);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof GenerateFailure)) throw error;
  console.error(`generate: ${error.message}`);
  process.exitCode = error.exitCode;
}
