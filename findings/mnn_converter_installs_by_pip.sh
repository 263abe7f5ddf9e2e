#!/bin/bash
# Importing MNN's converter (`MNN.tools.mnnconvert`, also the command `mnnconvert`) runs `pip install -U
# aliyun-log-python-sdk` with the first `pip` of PATH, whatever environment that belongs to, to report its use with the id of
# the machine. Here a `pip` that only writes down what it is asked for stands first, and the real one may reach no index.
# Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" numpy==2.4.6 mnn==3.6.1
PYTHON=$(python3 -c 'import sys; print(sys.executable)')  # a shim of pyenv would put its own pip first
mkdir "$D/first"
printf '#!/bin/sh\necho "pip $*" >> "%s/asked"\n' "$D" > "$D/first/pip"
chmod +x "$D/first/pip"
touch "$D/asked"
PATH="$D/first:$PATH" PYTHONPATH="$D" PIP_NO_INDEX=1 PIP_CONFIG_FILE=/dev/null "$PYTHON" -c 'import MNN.tools.mnnconvert' > "$D/said" 2>&1 || true
echo "asked of pip: $(cat "$D/asked")"
test -s "$D/asked" || cat "$D/said"  # nothing was asked: the converter may not have come so far
grep -q 'pip install -U aliyun-log-python-sdk' "$D/asked"
