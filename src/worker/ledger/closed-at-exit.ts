const open = new Set<() => void>();

/**
 * Makes sure that something is closed at the latest when the process exits by itself. A worker that is told to
 * exit before it works, or a second time, does not wait for its present work.
 *
 * @param close must neither wait nor throw
 * @returns a function that closes it, on its first call
 */
export function closedAtExit(close: () => void): () => void {
  const once = () => {
    if (!open.delete(once)) return;
    if (open.size === 0) process.off('exit', closeAll);
    close();
  };
  if (open.size === 0) process.on('exit', closeAll);
  open.add(once);
  return once;
}

function closeAll(): void {
  for (const close of open) close();
}
