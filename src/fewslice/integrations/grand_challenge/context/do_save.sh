#!/usr/bin/env bash
# Writes what is uploaded: the image, and the model where one of your own is in model/.
set -euo pipefail
cd "$(dirname "$0")"
./do_build.sh
docker save fewslice-algorithm | gzip -c > fewslice-algorithm.tar.gz
if [ -n "$(find model -type f -not -name README.md)" ]; then
    tar -C model -czf model.tar.gz --exclude README.md .
fi
ls -l -- *.tar.gz
