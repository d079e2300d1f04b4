import type { Engine } from '../engine.ts';
import { nativeEngine, type NativeEngine, type NativeEngineOptions } from '../native/index.ts';
import { ScriptSandbox } from './sandbox.ts';

/** What the native engine below it has found out. */
export type ScriptEngine = Engine & Pick<NativeEngine, 'containment' | 'fallbackReason' | 'unlimitedReason'>;

/**
 * Makes the engine for tasks whose payload is handed to one program of the pool's own. What that program is, and what it
 * reads and what its exit codes mean, the payload format `script` says. This engine runs it as the native one runs commands,
 * but for its standard error: the lines of that stand out in the log.
 *
 * @throws Error as {@link nativeEngine}
 */
export async function scriptEngine(options: NativeEngineOptions = {}): Promise<ScriptEngine> {
  const native = await nativeEngine({ ...options, separateErrors: true });
  return {
    ...native,
    name: 'script',
    formats: ['script'],
    open: async options => new ScriptSandbox(await native.open(options)),
  };
}
