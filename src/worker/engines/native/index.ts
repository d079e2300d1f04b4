export { nativeEngine, type NativeEngine, type NativeEngineOptions } from './native-engine.ts';
