import { decoded } from '../decoders/decoded.ts';
import { piecesOf } from '../pieces.ts';
import type { Answer, Job, ThreadMessage } from './messages.ts';

/** Sends the content chunk by chunk, on request. */
export async function decompressJob(
  { format, descriptor }: Job & { kind: 'decompress' },
  ask: (question?: ThreadMessage) => Promise<Answer>,
): Promise<void> {
  await ask();
  for await (const chunk of decoded(format, piecesOf(descriptor))) {
    // Transferred memory must not be shared.
    const isOwn = chunk.byteLength === chunk.buffer.byteLength;
    const bytes = isOwn ? chunk : new Uint8Array(chunk);
    await ask({ kind: 'chunk', bytes: bytes as Uint8Array<ArrayBuffer> });
  }
}
