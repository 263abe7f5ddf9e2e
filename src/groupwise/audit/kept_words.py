"""The words of made scenes, kept for the next audit of any folder.

One file in the cache folder. It says what it was made by, as learning anew has to give the same words to
the bit: the code, the libraries, and the kind of processor, by which BLAS chooses how it adds.
"""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import safetensors.numpy
import scipy
from safetensors import SafetensorError
from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

from groupwise.audit.copies import features, scenes, vocabulary
from groupwise.audit.copies.vocabulary import Vocabulary, made_vocabulary
from groupwise.audit.sealed import cache_folder, read_sealed, write_sealed
from groupwise.files import sha256_bytes

FILE = "made_words.safetensors"


def kept_vocabulary() -> Vocabulary:
    """`made_vocabulary()`, from its file where that holds it, and else left there."""
    file = cache_folder() / FILE
    try:
        held = safetensors.numpy.load(read_sealed(file))
        if held["made_by"].tobytes() == _made_by():
            return Vocabulary(held["branches"], held["leaves"])
    except (OSError, SafetensorError, ValueError, KeyError):
        pass  # it was not there, or cannot be trusted
    learnt = made_vocabulary()
    made_by = np.frombuffer(_made_by(), np.uint8)
    tensors = {"branches": learnt.branches, "leaves": learnt.leaves, "made_by": made_by}
    write_sealed(file, safetensors.numpy.save(tensors))
    return learnt


@cache
def _made_by() -> bytes:
    """Digest of all that decides the words, to the last bit."""
    code = b"".join(Path(str(one.__file__)).read_bytes() for one in (features, scenes, vocabulary))
    kernels = sorted({one["architecture"] for one in threadpool_info() if "architecture" in one})
    versions = cv2.__version__, np.__version__, scipy.__version__, platform.machine(), *kernels
    return sha256_bytes(code + repr(versions).encode()).encode()
