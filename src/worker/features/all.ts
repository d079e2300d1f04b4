import { newEd25519Key, readEd25519Key } from '../../base/index.ts';
import { artifacts } from './artifacts/artifacts.ts';
import { chainOfTrust } from './chain-of-trust/chain-of-trust.ts';
import { container } from './container/container.ts';
import { encryptedEnv } from './encrypted-env/encrypted-env.ts';
import { disk } from './disk.ts';
import { env } from './env.ts';
import { exitStatus } from './exit-status.ts';
import type { FeatureModule } from './feature.ts';
import { image } from './image/image.ts';
import { interactive } from './interactive/interactive.ts';
import { liveLog } from './live-log/live-log.ts';
import { logNameCheck, logs } from './logs.ts';
import { maxRunTime } from './max-run-time.ts';
import { mounts } from './mounts/mounts.ts';
import { resources } from './resources/resources.ts';
import { script } from './script.ts';
import { metadata } from './metadata.ts';
import { osGroups } from './os-groups.ts';
import { taskclusterProxy } from './proxy/taskcluster-proxy.ts';
import { runTaskAsCurrentUser } from './run-task-as-current-user.ts';
import { supersederUrl } from './superseder-url.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { hideCmdWindow, loopbackAudio, loopbackVideo, rdpInfo, runAsAdministrator } from './unavailable.ts';

/**
 * All features, in the order in which they are asked and started. They finish and are disposed of in reverse
 * order, so the log is uploaded last.
 */
export const FEATURES = [
  logs,
  logNameCheck,
  // Starts before any feature that takes long.
  liveLog,
  disk,
  supersederUrl,
  interactive,
  loopbackAudio,
  loopbackVideo,
  hideCmdWindow,
  runAsAdministrator,
  rdpInfo,
  runTaskAsCurrentUser,
  osGroups,
  metadata,
  temporaryFolder,
  env,
  encryptedEnv,
  maxRunTime,
  exitStatus,
  container(),
  image,
  mounts,
  script,
  chainOfTrust(),
  artifacts,
  resources,
  // Finishes first.
  taskclusterProxy,
] as const;

/**
 * The features for a worker of one session, for example on a developer's machine. Its chain of trust is signed
 * with a key that is created now and is in no file.
 */
export function featuresOfOneSession(): readonly FeatureModule[] {
  const own = chainOfTrust({ ed25519: readEd25519Key(newEd25519Key()) });
  return FEATURES.map(each => (each.name === own.name ? own : each));
}
