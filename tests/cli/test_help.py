"""Help of every verb comes at once: it imports nothing that only the work needs."""

import subprocess
import sys

HEAVY = (
    "torch",
    "scipy",
    "cv2",
    "pandas",
    "sklearn",
    "matplotlib",
    "jinja2",
    "onnx",
    "onnxruntime",
    "optuna",
    "fastapi",
)
CODE = f"""
import sys
from groupwise.cli.main import VERBS, main
for words in (["--help"], *([verb, "--help"] for verb in VERBS)):
    assert main(words) == 0
    print("heavy", *words, *(name for name in {HEAVY} if name in sys.modules), file=sys.stderr)
"""


def test_no_help_imports_what_only_the_work_needs():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    told = [line.split()[1:] for line in done.stderr.splitlines() if line.startswith("heavy")]
    assert len(told) > 20
    assert [words for words in told if words[-1] != "--help"] == []
