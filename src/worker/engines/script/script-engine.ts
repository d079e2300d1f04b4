import type { Engine } from '../engine.ts';
import { nativeEngine, type NativeEngine, type NativeEngineOptions } from '../native/index.ts';
import { ScriptSandbox } from './sandbox.ts';

/** The findings of the underlying native engine. */
export type ScriptEngine = Engine & Pick<NativeEngine, 'containment' | 'fallbackReason' | 'unlimitedReason'>;

/**
 * Makes the engine for tasks whose payload goes to one program of the pool. The payload format `script` defines the
 * program, its input and its exit codes. This engine runs it like the native engine, except that lines on standard error
 * get a prefix.
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
