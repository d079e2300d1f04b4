// Unpacks an archive and prints the result. For tests with a disk that only this process sees.
import { statfsSync } from 'node:fs';
import { unpackInto, UnpackError, type ArchiveFormat } from '../../../src/worker/unpack/index.ts';

const [archive = '', format, folder = '', reserve] = process.argv.slice(2);
try {
  await unpackInto(archive, format as ArchiveFormat, folder, {
    signal: new AbortController().signal,
    reserveBytes: Number(reserve),
  });
  console.log('{}');
} catch (error) {
  if (!(error instanceof UnpackError)) throw error;
  const { blocks, bfree, bsize } = statfsSync(folder);
  const { problem, kind } = error;
  console.log(JSON.stringify({ problem, kind, written: (blocks - bfree) * bsize }));
}
