#!/bin/bash
# confidenceinterval's interval of macro precision and macro recall ("takahashi", the default) has the wrong width when classes are
# not of equal share: with shares of 90, 7 and 3 % and 80 % right in each, 2000 pictures, the "95 %" interval of precision is half as
# wide as it should be and holds the true value in two of three draws; that of recall is 1.3 times as wide. The delta method by its
# definition in numpy fits both. The derivative for right answers lacks the division by the class's share, and the covariance has
# p * p in place of the outer product; with equal shares the two nearly make up for each other. Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 statsmodels==0.15.0 pandas==3.1.1 confidenceinterval==1.0.5
PYTHONPATH="$D" python3 - <<'P'
from importlib.metadata import version
import numpy as np
from confidenceinterval import precision_score, recall_score
rng, pictures, draws = np.random.default_rng(0), 2000, 200
def shares_of(classes):
    """The share of each pair of true and found class: 80 % right, the wrong ones laid out by share."""
    table = np.outer(classes, classes) * (1 - np.eye(len(classes)))
    table *= (0.2 * classes / table.sum(axis=1))[:, None]
    return table + np.diag(0.8 * classes)
def precision(table):
    return (np.diag(table) / table.sum(axis=0)).mean()
def recall(table):
    return (np.diag(table) / table.sum(axis=1)).mean()
def half_width(table, axis):
    """1.96 standard deviations by the delta method, from the definition: each class's share of right ones among its row or column."""
    classes = len(table)
    total = table.sum(axis=axis)
    slope = -np.diag(table) / total**2 / classes
    slopes = np.repeat(slope[None], classes, 0) if axis == 0 else np.repeat(slope[:, None], classes, 1)
    slopes = (slopes + np.diag(1 / total / classes)).ravel()
    p = table.ravel()
    return 1.96 * np.sqrt(slopes @ (np.diag(p) - np.outer(p, p)) @ slopes / pictures)
print(*(f"{name} {version(name)}" for name in ("confidenceinterval", "numpy", "scikit-learn")))
as_found = True
for title, classes in (("shares 90, 7, 3 %", np.array([0.9, 0.07, 0.03])), ("equal shares", np.full(3, 1 / 3))):
    table = shares_of(classes)
    for name, metric, score, axis in (("precision", precision, precision_score, 0), ("recall", recall, recall_score, 1)):
        true, found, widths, own, values = metric(table), [], [], [], []
        for _ in range(draws):
            truth, answer = np.divmod(rng.choice(table.size, pictures, p=table.ravel()), len(classes))
            value, (low, high) = score(truth, answer, average="macro")
            drawn = np.zeros_like(table)
            np.add.at(drawn, (truth, answer), 1 / pictures)
            assert abs(value - metric(drawn)) < 1e-9
            exact = half_width(drawn, axis)
            found.append(low <= true <= high)
            own.append(abs(value - true) <= exact)
            widths.append((high - low) / 2 / exact)
            values.append(value)
        print(f"{title}, macro {name}: holds the true value in {np.mean(found):.0%} of draws, the delta method in {np.mean(own):.0%};"
              f" width {np.mean(widths):.2f} of the delta method's; 1.96 deviations over the draws {1.96 * np.std(values):.4f}, delta method {half_width(table, axis):.4f}")
        width = np.mean(widths)
        as_found &= np.mean(own) > 0.89 and (0.9 < width < 1.15 if title == "equal shares" else width > 1.15 if axis else width < 0.7 and np.mean(found) < 0.8)
raise SystemExit(0 if as_found else 1)
P
