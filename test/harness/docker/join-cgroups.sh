#!/bin/sh
# Moves itself into the cgroups whose folders come before "--", then becomes the command behind it.
set -eu
while [ "$1" != -- ]; do
  echo $$ >"$1/cgroup.procs"
  shift
done
shift
exec "$@"
