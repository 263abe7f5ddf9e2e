#!/bin/bash
# A run of W&B that is logged offline, finished and gone on with by the same id within one second loses its second part without
# a word: the folder of a part is named after the second it began in and the id, both parts get the same one, and the file in it
# holds the first part alone. A second apart both are there, in two folders. Seen where a short training is resumed by the program
# that ended it, as in tests.
# Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D/lib" wandb==0.31.0
cd "$D"
PYTHONPATH="$D/lib" WANDB_ERROR_REPORTING=false WANDB_DATA_DIR="$D" WANDB_CACHE_DIR="$D" WANDB_CONFIG_DIR="$D" python3 - <<'P'
import struct, time
from pathlib import Path
import wandb
from wandb.proto.wandb_internal_pb2 import Record
print("wandb", wandb.__version__)
quiet = wandb.Settings(silent=True, console="off", disable_git=True, disable_code=True)

def logged(file):
    """Steps of the history in a file: LevelDB's log format after a head of 7 bytes."""
    data, at, record, steps = file.read_bytes(), 7, b"", []
    while at + 7 <= len(data):
        length, kind = struct.unpack_from("<HB", data, at + 4)
        record += data[at + 7 : at + 7 + length]
        if kind in (1, 4):  # whole, or the last part
            read, record = Record.FromString(record), b""
            steps += [read.history.step.num] if read.history.item else []
        at += 7 + length
    return steps

def two_parts(key, pause):
    """How many folders two parts of one run have, the steps in them, and the seconds they began in."""
    began = []
    for step in (1, 2):
        time.sleep(1 - time.time() % 1 if step == 1 else pause)  # the first begins with a second
        began.append(int(time.time()))
        run = wandb.init(project="p", dir=".", id=key, resume="allow" if step == 2 else None, mode="offline", settings=quiet)
        run.log({"value": step}, step=step)
        run.finish()
    time.sleep(3)  # files are still written when `finish` is back
    files = sorted(Path("wandb").glob(f"offline-run-*-{key}/*.wandb"))
    return len(files), sorted(step for file in files for step in logged(file)), began[0] == began[1]

two_parts("warm-up", 1.1)
apart, together = two_parts("apart", 1.1), two_parts("together", 0)
print(f"a second apart: {apart[0]} folders, steps {apart[1]}; within one second ({together[2]}): {together[0]} folder, steps {together[1]}")
raise SystemExit(not (apart[:2] == (2, [1, 2]) and together == (1, [1], True)))
P
