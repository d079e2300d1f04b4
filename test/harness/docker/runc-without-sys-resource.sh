#!/bin/sh
# runc for a root without CAP_SYS_RESOURCE: privileged containers ask for all capabilities, and runc before 1.1.8
# fails on one that it does not have (moby #42906). Another capability takes its place in the container's settings.
bundle=
previous=
for word; do
  case $previous in --bundle | -b) bundle=$word ;; esac
  previous=$word
done
[ -z "$bundle" ] || sed -i 's/"CAP_SYS_RESOURCE"/"CAP_CHOWN"/g' "$bundle/config.json"
exec runc "$@"
