import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { shutdownSignals, type Shutdown } from '../../src/streams/index.ts';

/** Subscribes to the signals of a source, which stands in for `process`. */
function listen() {
  const source = new EventEmitter();
  const signals$ = shutdownSignals(source);
  const heard: Shutdown[] = [];
  const subscription = signals$.subscribe(how => heard.push(how));
  return { source, signals$, heard, subscription };
}

describe('the signals of the operating system', () => {
  it.each([
    ['SIGINT', 'finish'],
    ['SIGTERM', 'now'],
    ['SIGHUP', 'now'],
  ])('%s means: %s', (signal, how) => {
    const { source, heard } = listen();
    source.emit(signal);
    expect(heard).toEqual([how]);
  });

  it.each<[string, Shutdown[]]>([
    ['SIGINT SIGINT', ['finish', 'force']],
    ['SIGTERM SIGTERM', ['now', 'force']],
    // A service manager, or a spot notice, after an operator.
    ['SIGINT SIGTERM', ['finish', 'now']],
    ['SIGINT SIGTERM SIGTERM', ['finish', 'now', 'force']],
    ['SIGINT SIGTERM SIGINT', ['finish', 'now', 'force']],
    // An operator after a service manager asks for less than is being done.
    ['SIGTERM SIGINT', ['now']],
    ['SIGTERM SIGINT SIGINT', ['now', 'force']],
    ['SIGTERM SIGINT SIGTERM', ['now', 'force']],
    ['SIGINT SIGINT SIGTERM SIGTERM', ['finish', 'force', 'now', 'force']],
    // A terminal that goes: the shell and the kernel both say so.
    ['SIGHUP SIGHUP', ['now']],
    ['SIGTERM SIGHUP', ['now']],
    ['SIGHUP SIGTERM SIGTERM', ['now', 'force']],
    ['SIGINT SIGHUP SIGINT', ['finish', 'now', 'force']],
  ])('force a shutdown only if the same one is repeated: %s', (signals, hows) => {
    const { source, heard } = listen();
    for (const signal of signals.split(' ')) source.emit(signal);
    expect(heard).toEqual(hows);
  });

  it('are counted across all subscribers', () => {
    const { source, signals$, heard } = listen();
    source.emit('SIGINT');
    const late: Shutdown[] = [];
    signals$.subscribe(how => late.push(how));
    source.emit('SIGINT');
    expect(heard).toEqual(['finish', 'force']);
    expect(late).toEqual(['force']);
  });

  it('have one listener, only while somebody is subscribed', () => {
    const { source, signals$, subscription } = listen();
    const another = signals$.subscribe();
    expect(source.listenerCount('SIGINT')).toBe(1);
    expect(source.listenerCount('SIGTERM')).toBe(1);
    subscription.unsubscribe();
    another.unsubscribe();
    expect(source.listenerCount('SIGINT')).toBe(0);
    expect(source.listenerCount('SIGTERM')).toBe(0);
  });

  it('come from any object with `on` and `off`', () => {
    const emitter = new EventEmitter();
    const heard: Shutdown[] = [];
    shutdownSignals({
      on: (signal, listener) => emitter.on(signal, listener),
      off: (signal, listener) => emitter.off(signal, listener),
    }).subscribe(how => heard.push(how));
    emitter.emit('SIGTERM');
    expect(heard).toEqual(['now']);
  });

  it('are those of this process by default', () => {
    const before = process.listenerCount('SIGTERM');
    const subscription = shutdownSignals().subscribe();
    expect(process.listenerCount('SIGTERM')).toBe(before + 1);
    subscription.unsubscribe();
    expect(process.listenerCount('SIGTERM')).toBe(before);
  });
});
