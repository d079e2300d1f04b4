#!/bin/sh
# The first process of the lab's namespaces: makes them habitable, then becomes the init of a Docker engine.
# Usage: lab-init.sh PID_FILE CGROUP_MOUNT... -- DOCKERD_OPTION...
# A CGROUP_MOUNT is TYPE:OPTIONS:DIRECTORY, such as cgroup:memory:/sys/fs/cgroup/memory.
set -eu

# /proc is still the machine's, and tells the number that the machine knows this process by.
read -r pid _ </proc/self/stat
pid_file=$1
shift
mount -t proc proc /proc
busybox ip link set lo up

# Mounted anew, the cgroups begin at the lab's own: what the engine makes lies below them, and goes with them.
while [ "$1" != -- ]; do
  type=${1%%:*} rest=${1#*:}
  options=${rest%%:*} directory=${rest#*:}
  umount "$directory"
  mount -t "$type" -o "$options" "$type" "$directory"
  if [ "$type" = cgroup2 ]; then
    # A cgroup with processes of its own gives its controllers to no cgroup below it.
    mkdir "$directory/init"
    echo $$ >"$directory/init/cgroup.procs"
    sed 's/^./+&/; s/ / +/g' "$directory/cgroup.controllers" >"$directory/cgroup.subtree_control" || true
  fi
  shift
done
shift

printf '%s\n' "$pid" >"$pid_file.new"
mv "$pid_file.new" "$pid_file"
# An init of its own, because dockerd does not reap the processes of others.
exec docker-init -- dockerd "$@"
