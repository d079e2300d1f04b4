import { TaskError } from '../../../outcome.ts';

/** The name of an image, as `docker pull` takes it. */
export interface ImageName {
  /** In full: `docker.io/library/ubuntu:24.04`, `quay.io/a/b@sha256:…`. */
  readonly full: string;
  /** Host of the registry: `docker.io`, `127.0.0.1:5000`. */
  readonly registry: string;
  /** Without registry, tag and digest: `library/ubuntu`. */
  readonly path: string;
  /** The tag, which may lead to other content tomorrow; undefined for a name with a digest. */
  readonly tag?: string;
  /** `sha256:…` */
  readonly digest?: string;
}

/** The registry in the names of kept images. No real registry can have this name (RFC 2606). */
export const OWN_REGISTRY = 'images.tcw.invalid';

const USUAL_REGISTRY = 'docker.io';
const LONGEST = 255;
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;
const TAG = /^\w[\w.-]{0,127}$/;
const REGISTRY = /^[a-z\d](?:[a-z\d-]*[a-z\d])?(?:\.[a-z\d](?:[a-z\d-]*[a-z\d])?)*(?::\d{1,5})?$/i;
const COMPONENT = /^[a-z\d]+(?:(?:\.|_|__|-+)[a-z\d]+)*$/;
/** The engine would read the first as an ID. `docker pull` would read the second as a tag of `library/sha256`. */
const ID = /^(?:sha256:)?[0-9a-f]{64}$/;

/**
 * Parses the name of an image in a payload.
 *
 * @throws TaskError `malformed-payload`
 * @see https://github.com/distribution/reference
 */
export function imageName(text: string): ImageName {
  const wrong = (why: string) =>
    new TaskError(
      'malformed-payload',
      `${JSON.stringify(text)} is not the name of an image: ${why} (as in ubuntu:24.04, or quay.io/org/image@sha256:…)`,
    );
  const at = text.indexOf('@');
  const digest = at === -1 ? undefined : text.slice(at + 1);
  if (digest !== undefined && !DIGEST.test(digest)) throw wrong('its digest must be a complete SHA-256');
  const beforeDigest = at === -1 ? text : text.slice(0, at);
  const [, name = beforeDigest, tag] = /^(.*):([^:/]*)$/s.exec(beforeDigest) ?? [];
  if (tag !== undefined && !TAG.test(tag)) throw wrong('its tag has characters that a tag cannot have');
  if (ID.test(name) || ID.test(text)) throw wrong('an ID is only known to one machine');

  const [first = '', ...others] = name.split('/');
  const hasRegistry = others.length > 0 && (/[.:A-Z]/.test(first) || first === 'localhost');
  const registry = hasRegistry
    ? first.toLowerCase().replace(/^index\.docker\.io$/, USUAL_REGISTRY)
    : USUAL_REGISTRY;
  if (!REGISTRY.test(registry)) throw wrong(`${first} is not a host`);
  if (registry === OWN_REGISTRY) throw wrong(`${OWN_REGISTRY} is reserved for the worker`);
  const components = hasRegistry ? others : [first, ...others];
  if (registry === USUAL_REGISTRY && components.length === 1) components.unshift('library');
  if (components.some(component => !COMPONENT.test(component))) {
    throw wrong('it must consist of lower-case letters, digits, and single separators');
  }
  const path = components.join('/');
  if (`${registry}/${path}`.length > LONGEST) throw wrong(`it has more than ${LONGEST} characters`);
  return digest === undefined
    ? { full: `${registry}/${path}:${tag ?? 'latest'}`, registry, path, tag: tag ?? 'latest' }
    : { full: `${registry}/${path}@${digest}`, registry, path, digest };
}
