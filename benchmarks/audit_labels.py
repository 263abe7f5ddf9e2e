"""Plants transformed copies of photographs under another label, and counts how many the audit names.

python benchmarks/audit_labels.py ../shared/data/sign-digits --originals 400 --planted 120
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from families import FAMILIES
from groupwise.audit.audit import audit
from groupwise.data.scan import scan


def plant(source: Path, target: Path, originals: int, planted: int, seed: int) -> list[tuple[str, str]]:
    """Copy some photographs to `target`, plant the copies, and return the pairs (original, copy)."""
    rng = np.random.default_rng(seed)
    files = sorted(source.glob("*/*.*"))
    labels = sorted({file.parent.name for file in files})
    chosen = [files[i] for i in rng.permutation(len(files))[:originals]]
    for file in chosen:
        (target / file.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target / file.parent.name / file.name)
    pairs = []
    families = list(FAMILIES.values())
    for number, file in enumerate(chosen[:planted]):
        other = labels[(labels.index(file.parent.name) + 1 + number % (len(labels) - 1)) % len(labels)]
        copy = families[number % len(families)](np.asarray(Image.open(file).convert("RGB")), rng)
        (target / other).mkdir(exist_ok=True)
        Image.fromarray(copy).save(target / other / f"planted{number:04}.jpg", quality=90)
        pairs.append((f"{file.parent.name}/{file.name}", f"{other}/planted{number:04}.jpg"))
    return pairs


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--originals", type=int, default=400)
    parser.add_argument("--planted", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        pairs = plant(options.folder, Path(name), options.originals, options.planted, options.seed)
        audited = audit(scan(Path(name)), seed=options.seed)
    stops = [set(finding.paths) for finding in audited.findings if finding.code == "copies-across-labels"]
    named = sum(any({original, copy} <= stop for stop in stops) for original, copy in pairs)
    wrong = sum(not any(copy in stop for _, copy in pairs) for stop in stops)
    print(
        f"planted under another label: {len(pairs)}; named: {named}; findings without a planted copy: {wrong}"
    )


if __name__ == "__main__":
    main()
