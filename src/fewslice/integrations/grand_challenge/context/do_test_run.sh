#!/usr/bin/env bash
# Answers the job in test/input as the platform would: no network, nothing writable but the output.
set -euo pipefail
cd "$(dirname "$0")"
./do_build.sh
chmod -R o+rX test/input # the container's user is none of this computer
rm -rf test/output && mkdir -p test/output && chmod 777 test/output
docker run --rm --platform=linux/amd64 --network none --memory 8g --cap-drop ALL \
    --security-opt no-new-privileges --shm-size 128m --tmpfs /tmp \
    --volume "$PWD/test/input:/input:ro" --volume "$PWD/test/output:/output" \
    --entrypoint python fewslice-algorithm -m fewslice.integrations.grand_challenge exec
find test/output -type f
