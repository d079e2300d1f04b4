#!/bin/sh
# Installs Debian's rabbitmq-server without starting its service, which would listen on all interfaces.
# Signals are ignored, for a package manager that is stopped half way leaves a broken system.
trap '' INT TERM HUP
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d

# Debian asks this program before it starts a service; 101 is "not allowed" (invoke-rc.d(8)). noclobber makes
# looking and writing one step, so that somebody else's program is never replaced, nor removed.
if (set -C && printf '#!/bin/sh\nexit 101\n' >"$policy") 2>/dev/null; then
  trap 'rm -f "$policy"' EXIT
  chmod 755 "$policy"
fi

install() {
  apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 rabbitmq-server
}
install || { apt-get update && install; }
