"""The processor and its instruction sets: what decides the last digits of a network, told without torch."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
# By the names of Linux, in the order in which they are said. What is left out changes no product of matrices.
INSTRUCTION_SETS = {
    "avx2": "AVX2",
    "fma": "FMA",
    "avx_vnni": "AVX-VNNI",
    "avx512f": "AVX-512",
    "avx512_vnni": "AVX-512 VNNI",
    "avx512_bf16": "AVX-512 BF16",
    "avx512_fp16": "AVX-512 FP16",
    "amx_int8": "AMX int8",
    "amx_bf16": "AMX BF16",
    "asimd": "NEON",
    "asimddp": "NEON dot product",
    "i8mm": "NEON int8 matrices",
    "bf16": "NEON BF16",
    "sve": "SVE",
    "sve2": "SVE2",
}


@dataclass(frozen=True)
class Processor:
    """Its name, and those of `INSTRUCTION_SETS` that it has; none where the system does not tell."""

    name: str
    instruction_sets: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} ({', '.join(self.instruction_sets) or 'instruction sets unknown'})"


def this_processor() -> Processor:
    """The processor of this machine; only Linux tells its instruction sets."""
    try:
        text = CPUINFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    name = _entry("model name", text) or platform.processor() or platform.machine()
    flags = (_entry("flags", text) or _entry("Features", text)).split()
    return Processor(name, tuple(said for flag, said in INSTRUCTION_SETS.items() if flag in flags))


def _entry(key: str, text: str) -> str:
    found = re.search(rf"^{key}[ \t]*:[ \t]*(.*)$", text, re.MULTILINE)
    return found[1].strip() if found else ""
