#!/bin/sh
# Installs a Debian package without starting its services: RabbitMQ's would listen on all interfaces.
# Signals are ignored, because a package manager that is stopped halfway leaves a broken system.
trap '' INT TERM HUP
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
package=$1

# One at a time: the first to end would take the program below away from the others.
exec 9<"$0"
flock 9 2>/dev/null || true

# Debian asks this program before it starts a service; 101 means "not allowed" (invoke-rc.d(8)). noclobber makes
# the check and the write one step, so somebody else's program is never replaced or removed.
if (set -C && printf '#!/bin/sh\nexit 101\n' >"$policy") 2>/dev/null; then
  trap 'rm -f "$policy"' EXIT
  chmod 755 "$policy"
fi

install() {
  apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$package"
}
install || { apt-get update && install; }
