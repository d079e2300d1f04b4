/** Lets a worker join its pool without worker-runner: it registers with worker-manager and renews its credentials. */
export { becomeMember, giveUp, type PoolMember } from './become-member.ts';
export type { Provider } from './identity.ts';
export { memberHost } from './member-host.ts';
export { mergeSettings } from './merge-settings.ts';
export type { PoolConfiguration } from './pool-configuration.ts';
export { RegistrationError } from './registration-error.ts';
export type { RegistrationState } from './registration-state.ts';
export { registrationStore } from './registration-store.ts';
export { staticProvider } from './static.ts';
