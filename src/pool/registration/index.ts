/** Lets a worker join its pool without worker-runner: it registers with worker-manager and renews its credentials. */
export { becomeMember, giveUp, type PoolMember } from './become-member.ts';
export type { Provider } from './identity.ts';
export { memberHost } from './member-host.ts';
export { mergeSettings } from './settings/merge-settings.ts';
export type { PoolConfiguration } from './settings/pool-configuration.ts';
export { RegistrationError } from './registration-error.ts';
export type { RegistrationState } from './state/registration-state.ts';
export { registrationStore } from './state/registration-store.ts';
export { staticProvider } from './static.ts';
