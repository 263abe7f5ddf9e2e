#!/bin/bash
# scikit-learn's decision tree with class_weight="balanced" goes on splitting nodes that hold a single class: of 200 trees on 41
# random numbers of three classes (7, 11 and 23) 131 have such a node inside, without class weights none. The weights are
# fractions then, so that the Gini impurity of a pure node comes out as 3e-16 to 6e-15, above the 2.2e-16 up to which a node is a
# leaf. The answers stay right; depth, leaves and `apply` do not, and two ways of growing the same forest draw other numbers.
# Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" scikit-learn==1.9.1 numpy==2.4.6
PYTHONPATH="$D" python3 - <<'P'
import numpy as np, sklearn
from sklearn.tree import DecisionTreeClassifier
labels = np.repeat([0, 1, 2], [7, 11, 23])
def grow(class_weight):
    """How many of 200 trees have an inner node of one class, and the impurities of such nodes."""
    rng, trees, impurities = np.random.default_rng(0), 0, []
    for _ in range(200):
        numbers = rng.normal(size=(len(labels), 1))
        tree = DecisionTreeClassifier(class_weight=class_weight, random_state=0).fit(numbers, labels).tree_
        split = ((tree.value[:, 0] > 0).sum(axis=1) == 1) & (tree.children_left >= 0)
        trees += bool(split.any())
        impurities += tree.impurity[split].tolist()
    return trees, impurities
balanced, impurities = grow("balanced")
plain, _ = grow(None)
print(f"scikit-learn {sklearn.__version__}: {balanced} of 200 balanced trees, {plain} of 200 without weights split a pure node")
print(f"impurity of these nodes: {min(impurities, default=0):.1e} to {max(impurities, default=0):.1e}")
raise SystemExit(0 if balanced > 50 and plain == 0 and max(impurities) < 1e-12 else 1)
P
