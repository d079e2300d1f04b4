export {
  nativeEngine,
  type Containment,
  type NativeEngine,
  type NativeEngineOptions,
} from './native-engine.ts';
