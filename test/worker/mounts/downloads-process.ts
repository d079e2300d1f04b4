import { Secret } from '../../../src/base/index.ts';
import { openDownloads, urlRequest } from '../../../src/worker/stores/index.ts';

// A worker that downloads the files named by its arguments, one after the other, until it is killed.

const [dir = '', ...urls] = process.argv.slice(2);
const downloads = await openDownloads(dir, { secret: new Secret('known to the worker'), reserveBytes: 0 });
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
for (const url of urls) {
  await using _download = await downloads.get(urlRequest({ url }), {
    signal: new AbortController().signal,
    log,
  });
}
