import subprocess
import sys

import pytest

# In a process of its own, whose heap nobody else has cut into pieces.
PROGRAM = """
from pathlib import Path
from groupwise.distributed.allocator import give_back_memory, keep_freed_memory

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20

keep_freed_memory()
held = [bytes(4000) for _ in range(25_000)]
kept = held[::500]  # between which the freed pieces lie
del held
kept_mb = resident_mb()
give_back_memory()
print(kept_mb - resident_mb())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_freed_memory_stays_until_it_is_given_back():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert float(done.stdout) > 60  # of nearly 100 MB
