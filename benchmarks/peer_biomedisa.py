"""Run Biomedisa's smart interpolation on one task; `benchmarks/baselines.py` starts it.

    python benchmarks/peer_biomedisa.py TASK.npz ANSWER.npy

Biomedisa is no dependency of fewslice (its licence is the EUPL). An environment for it:

    python -m venv peer
    peer/bin/pip install biomedisa pyopencl mpich mpi4py numba h5py medpy tifffile nibabel psutil
    peer/bin/pip install importlib-metadata SimpleITK scikit-image imagecodecs requests
    peer/bin/pip install opencv-python-headless

and, for OpenCL on a CPU, Debian's packages pocl-opencl-icd and ocl-icd-libopencl1.
TASK holds `image`, uint8, and `labels`, int32, slices first. ANSWER is uint8 labels.
"""

from __future__ import annotations

import sys
from importlib import import_module

import numpy as np


def main() -> None:
    task = np.load(sys.argv[1])
    interpolate = import_module("biomedisa.interpolation").smart_interpolation
    found = interpolate(task["image"], task["labels"], platform="opencl_Portable_CPU")
    np.save(sys.argv[2], found["regular"])


if __name__ == "__main__":
    main()
