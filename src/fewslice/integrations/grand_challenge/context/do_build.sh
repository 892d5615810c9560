#!/usr/bin/env bash
# Builds the image. TORCH_INDEX: a package index with CPU builds of PyTorch, which makes it smaller.
set -euo pipefail
cd "$(dirname "$0")"
docker build --platform=linux/amd64 --build-arg TORCH_INDEX="${TORCH_INDEX:-}" --tag fewslice-algorithm .
