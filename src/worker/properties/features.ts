import type { Property } from './property.ts';

/** Virtual devices of the machine that containers may use. */
export const features = {
  loopbackAudioDeviceNumber: {
    type: 'integer',
    default: 16,
    minimum: 0,
    maximum: 255,
    description: 'Number of the virtual audio device that containers may use',
    since: 'generic-worker',
  },
  loopbackVideoDeviceNumber: {
    type: 'integer',
    default: 0,
    minimum: 0,
    maximum: 255,
    description: 'Number of the virtual video device that containers may use',
    since: 'generic-worker',
  },
} as const satisfies Record<string, Property>;
