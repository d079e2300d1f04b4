import { describe, expect, it } from 'vitest';
import { ImageError, imageProblem } from '../../../src/worker/engines/docker/images/image-problem.ts';

describe('an error of an engine about an image', () => {
  it.each([
    ['manifest for a:1 not found: manifest unknown: manifest unknown', 'missing'],
    ['failed to resolve reference "docker.io/library/a:1": docker.io/library/a:1: not found', 'missing'],
    ['repository a/b not found: name unknown: repository name not known to registry', 'missing'],
    [
      "pull access denied for a, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
      'missing-or-credentials',
    ],
    [
      'pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed',
      'missing-or-credentials',
    ],
    ['Get "http://127.0.0.1:1/v2/a/manifests/1": no basic auth credentials', 'credentials'],
    ['Get "https://a.b/v2/": unauthorized: incorrect username or password', 'credentials'],
    ['Error response from daemon: denied', 'credentials'],
    ['toomanyrequests: You have reached your unauthenticated pull rate limit.', 'rate'],
    ['received unexpected HTTP status: 429 Too Many Requests', 'rate'],
    ['no matching manifest for linux/amd64 in the manifest list entries', 'platform'],
    [
      'no matching manifest for linux/arm64/v8 in the manifest list entries: no match for platform in manifest: not found',
      'platform',
    ],
    ['manifest verification failed for digest sha256:0', 'digest'],
    ['filesystem layer verification failed for digest sha256:0', 'digest'],
    [
      'failed commit on ref "layer-sha256:0": unexpected commit digest sha256:1, expected sha256:0: failed precondition',
      'digest',
    ],
    ['write /var/lib/docker/tmp/GetImageBlob1: no space left on device', 'disk-full'],
    ['Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused', 'unreachable'],
    ['Get "https://a.invalid/v2/": dial tcp: lookup a.invalid on 127.0.0.53:53: no such host', 'unreachable'],
    ['Get "https://a.b/v2/": x509: certificate signed by unknown authority', 'unreachable'],
    ['Get "https://a.b/v2/": net/http: TLS handshake timeout', 'cut'],
    ['unexpected EOF', 'cut'],
    ['read tcp 10.0.0.1:1->10.0.0.2:443: read: connection reset by peer', 'cut'],
    ['received unexpected HTTP status: 502 Bad Gateway', 'cut'],
    ['nothing was received for 300 s', 'slow'],
    [
      'the Docker engine at unix:///var/run/docker.sock has not answered POST /images/create: ECONNRESET',
      'engine',
    ],
    ['the Docker engine broke off in the middle of its answer (UND_ERR_SOCKET)', 'engine'],
    ['invalid reference format', 'format'],
    ['something new', 'unknown'],
  ])('%s', (words, problem) => {
    expect(imageProblem(words)).toBe(problem);
  });

  it('becomes a message with the name of the image, the problem, and the original text', () => {
    const error = new ImageError('missing', 'docker.io/library/a:1', 'manifest unknown');
    expect(error.message).toBe('no image docker.io/library/a:1: it does not exist (manifest unknown)');
    expect(error).toMatchObject({ kind: 'malformed-payload', isPassing: false });
    expect(new ImageError('unknown', 'a', 'x')).toMatchObject({
      kind: 'resource-unavailable',
      isPassing: true,
    });
  });
});
