import { shellQuoted } from '../../src/base/index.ts';
import type { DockerPayload, DockerShape } from '../worker/docker/shapes.ts';

/** The images that a real engine has in place of those that shapes name. */
export interface ShapeImages {
  /** By its tag. */
  readonly named: string;
  readonly byDigest: string;
}

/** A shape for real containers: local images, and a command of busybox that does what the mock engine's words say. */
export function realShape({ payload, ...shape }: DockerShape, images: ShapeImages): DockerShape {
  const { command } = payload;
  return {
    ...shape,
    payload: {
      ...payload,
      image: imageFor(payload.image, images),
      ...(command && { command: ['sh', '-ec', scriptOf(command)] }),
    },
  };
}

function imageFor(image: DockerPayload['image'], { named, byDigest }: ShapeImages): string | object {
  if (typeof image === 'string') return image.includes('@') ? byDigest : named;
  return 'name' in image ? { ...image, name: named } : image;
}

/** @param command `all`, and then words of the mock engine, each as JSON */
function scriptOf([, ...words]: readonly string[]): string {
  return words.map(word => lineOf(JSON.parse(word) as string[])).join('\n');
}

function lineOf([word, ...[first = '', second = '']]: readonly string[]): string {
  switch (word) {
    case 'exit-in-run':
      return `if [ "$RUN_ID" = ${first} ]; then exit ${second}; fi`;
    case 'write-file':
      return `mkdir -p "$(dirname ${shellQuoted(first)})"; printf %s ${shellQuoted(second)} >${shellQuoted(first)}`;
    case 'call':
      return `wget -q -O /dev/null "$TASKCLUSTER_PROXY_URL/${first}"`;
    case 'print':
      return `printf %s ${shellQuoted(first)}`;
    default:
      throw new Error(`no line of a shell does what ${String(word)} does`);
  }
}
