/** Returns the steps of a JSON pointer (RFC 6901), without their escapes. */
export function pointerSteps(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map(step => step.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** Escapes a name for use as a step of a JSON pointer. */
export function pointerStep(name: unknown): string {
  return String(name).replaceAll('~', '~0').replaceAll('/', '~1');
}
