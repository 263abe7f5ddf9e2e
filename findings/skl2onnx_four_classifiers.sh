#!/bin/bash
# skl2onnx converts four classifiers of scikit-learn that are put on features of pictures into models that answer otherwise, without a
# word. KNeighborsClassifier(weights="distance"): the weights are left out. TunedThresholdClassifierCV: the tuned threshold is left
# out, labels are those of the classifier inside. SGDClassifier(loss="modified_huber") of several classes: labels are those of the
# clipped probabilities, first of equals, not of the decision function. LinearDiscriminantAnalysis of two classes: twice the logit
# (known since 2024). The same without weights, threshold, clipping or with three classes is right. Exits 0 as long as this is so, else 1.
set -eu
D=$(mktemp -d); trap 'rm -rf "$D"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --target "$D" numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 onnx==1.23.2 onnxruntime==1.32.0 skl2onnx==1.20.0
PYTHONPATH="$D" python3 - <<'P'
from importlib.metadata import version
import numpy as np, onnxruntime
from skl2onnx import to_onnx
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import TunedThresholdClassifierCV
from sklearn.neighbors import KNeighborsClassifier
rng = np.random.default_rng(0)
known, new = rng.normal(size=(300, 6)).astype(np.float32), rng.normal(size=(1000, 6)).astype(np.float32)
scores = known @ rng.normal(size=(6, 4)) + rng.gumbel(size=(300, 4))
four, three, two = scores.argmax(axis=1), scores[:, :3].argmax(axis=1), (scores.argmax(axis=1) == 0).astype(int)
def both(classifier, labels):
    """The classifier, its labels and probabilities, and those of the converted one."""
    classifier.fit(known, labels)
    made = to_onnx(classifier, known[:1], options={"zipmap": False})
    found = onnxruntime.InferenceSession(made.SerializeToString()).run(None, {"X": new})
    return classifier, classifier.predict(new), classifier.predict_proba(new), *found
print(*(f"{name} {version(name)}" for name in ("skl2onnx", "scikit-learn", "onnxruntime")))
as_found = True
def tell(what, labels, probabilities, found_labels, found):
    other, off = float((labels != found_labels).mean()), float(np.abs(probabilities - found).max())
    print(f"{what}: {other:.1%} of the labels are others, probabilities off by up to {off:.2g}")
    return other, off
for weights in ("uniform", "distance"):
    _, *answers = both(KNeighborsClassifier(5, weights=weights), four)
    other, off = tell(f"KNeighborsClassifier, weights {weights}", *answers)
    as_found &= (other == 0 and off < 1e-5) if weights == "uniform" else (other > 0.02 and off > 0.1)
    if weights == "uniform":
        even = answers[1]
    else:
        as_found &= bool(np.abs(answers[3] - even).max() < 1e-5)  # as without weights
tuned, *answers = both(TunedThresholdClassifierCV(LogisticRegression(), scoring="balanced_accuracy"), two)
other, off = tell(f"TunedThresholdClassifierCV, threshold {tuned.best_threshold_:.2f}", *answers)
as_found &= other > 0.05 and off < 1e-5 and np.array_equal(answers[2], tuned.estimator_.predict(new))
_, *answers = both(LogisticRegression(), two)
as_found &= max(tell("LogisticRegression, two classes", *answers)) < 1e-5
for loss in ("log_loss", "modified_huber"):
    _, *answers = both(SGDClassifier(loss=loss, random_state=0), four)
    other, off = tell(f"SGDClassifier, loss {loss}", *answers)
    as_found &= off < 1e-5 and (other == 0 if loss == "log_loss" else other > 0.05 and np.array_equal(answers[2], answers[3].argmax(axis=1)))
for labels in (two, three):
    _, *answers = both(LinearDiscriminantAnalysis(), labels)
    other, off = tell(f"LinearDiscriminantAnalysis, {labels.max() + 1} classes", *answers)
    if labels is two:
        exact, found = (np.log(p[:, 1] / p[:, 0]) for p in (answers[1], answers[3].astype(float)))
        between = np.abs(exact) < 4
        times = found[between] / exact[between]
        print(f"logits are {times.min():.3f} to {times.max():.3f} times those of scikit-learn")
        as_found &= other == 0 and off > 0.1 and bool(np.allclose(times, 2, atol=0.02))
    else:
        as_found &= other == 0 and off < 1e-5
raise SystemExit(0 if as_found else 1)
P
