import { UnpackFault } from '../unpack-fault.ts';

export function truncated(format: string): UnpackFault {
  return new UnpackFault('damaged', `this ${format} content is truncated: it ends before it is complete`);
}

/** @param why the problem, as the second half of a sentence */
export function corrupt(format: string, why: string, options?: ErrorOptions): UnpackFault {
  return new UnpackFault(
    'damaged',
    `this ${format} content is corrupt, or of another format: ${why}`,
    options,
  );
}

export function dataAfterEnd(format: string): UnpackFault {
  return corrupt(format, 'other data follows after its end');
}
