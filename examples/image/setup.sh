#!/bin/sh
# Sets up a machine image of Debian or Ubuntu whose tasks run in containers. Run it as root, once, while the image is built.
# The machine's own configuration and secrets come later, when it starts: see the end.
set -eu

# The packed tcw: `npm ci && npm pack` in a clone makes it.
TCW_PACKAGE=${TCW_PACKAGE:-/tmp/tcw-0.1.0.tgz}

export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends ca-certificates docker.io util-linux xz-utils bzip2 lz4

# Node.js 22.19 or later, as your image gets it: the packages of the distribution are often older.
node -e 'const [major, minor] = process.versions.node.split(".").map(Number); process.exit(major > 22 || (major === 22 && minor >= 19) ? 0 : 1)' || {
  echo 'install Node.js 22.19 or later before you run this: https://nodejs.org/en/download' >&2
  exit 1
}

# As root: no task may write the code of its worker.
npm install -g --ignore-scripts "${TCW_PACKAGE}"

install -d -m 755 /etc/tcw
cat >/etc/tcw/worker.yml <<'CONFIG'
rootURL: https://tc.example.com
provisionerId: example
workerType: linux
engine: docker
tasksDir: /var/lib/tcw/tasks
cachesDir: /var/lib/tcw/caches
downloadsDir: /var/lib/tcw/downloads
monitoringPort: 9640
CONFIG
chmod 600 /etc/tcw/worker.yml
install -m 600 /dev/null /etc/tcw/environment

tcw install service --config /etc/tcw/worker.yml
systemctl enable tcw docker

# What only the machine knows is written before the service starts, by cloud-init or whatever you have:
#   TCW_CLIENT_ID, TCW_ACCESS_TOKEN, TCW_WORKER_GROUP and TCW_WORKER_ID into /etc/tcw/environment
