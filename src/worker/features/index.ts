/** The features: what a task may ask for. Each has its own file or folder, with its part of the payload's schema. */
export { FEATURES, featuresOfOneSession } from './all.ts';
export { SigningKeyUnusable } from './chain-of-trust/key-files.ts';
export { encryptVariables, type TaskVariable } from './encrypted-env/message.ts';
export { feature, serving } from './feature.ts';
export type {
  ActiveFeature,
  Ending,
  EngineView,
  FeatureModule,
  NeededScope,
  Properties,
  RunHandle,
  SummaryLine,
  WorkerFeature,
  WorkerHost,
} from './feature.ts';
export { isEnabled, openFeatures, type OpenFeature, type OpenFeatures } from './open-features.ts';
