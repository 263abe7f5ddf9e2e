"""What a run knows of its network and its evaluation, as answers to the checklist."""

from __future__ import annotations

from collections.abc import Mapping

from groupwise.report.checklist.answer import ChecklistAnswer, confirm, filled, yours
from groupwise.report.validity import chosen_where_reported
from groupwise.report.words import (
    percent,
    percent_bound,
    plain_interval,
    plain_text,
    share_interval,
    share_text,
)
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import Estimate, headline_figure, headline_measure
from groupwise.text import count


def network(files: RunFiles) -> ChecklistAnswer:
    """The architecture by name, and where all of it is written."""
    name, file = files.config.get("architecture"), "config.json"
    if name is None:
        name, file = files.part("model").get("preset"), "recipe.yaml"
    if name is None:
        return yours("config.json is missing, and the recipe does not say.")
    page = "docs/probe.md" if files.probe else "docs/models.md"
    return filled(f"{name}, with {count(len(files.class_names), 'output')}; {file} and {page}.")


def start(files: RunFiles) -> ChecklistAnswer:
    """A file of weights, or random numbers."""
    model = files.recipe.get("model")
    if not isinstance(model, Mapping):
        return yours("The recipe does not say.")
    if files.probe:
        return confirm(f"From {files.probe['features']}, whose features stay. Say what it was trained on.")
    if named := files.ledger.get("pretrained"):
        return filled(
            f"From {named['name']}, trained on ImageNet, licence {named['licence']}, SHA-256"
            f" {named['sha256'][:12]} ({named['url']})."
        )
    if model.get("weights"):
        return confirm(f"From {model['weights']}. Say what those were trained on.")
    return filled(f"From random numbers, seed {files.seed}.")


def training(files: RunFiles) -> ChecklistAnswer:
    """The recipe in short."""
    if files.probe:
        tried = files.probe["penalties"]
        chosen = tried[files.probe["chosen"]]["inverse_penalty"]
        return filled(
            f"Logistic regression on {files.probe['num_features']:,} frozen features; of {len(tried)} L2"
            f" penalties that of inverse {chosen:g}, by {files.select_fold}; probe.json has every figure."
        )
    optim, train = files.part("optim"), files.part("training")
    if "name" not in optim or "epochs" not in train:
        return yours("The recipe does not say.")
    return filled(
        f"{optim['name']}, learning rate {optim.get('learning_rate')}, batches of"
        f" {train.get('batch_size')}, {len(files.history) or train['epochs']} epochs;"
        " recipe.yaml has every field."
    )


def imbalance(files: RunFiles) -> ChecklistAnswer:
    """How rare classes were weighted, by sampling, loss or prior."""
    loss, train = files.part("loss"), files.part("training")
    if not loss and "sampling" not in train:
        return yours("The recipe does not say.")
    means = (
        ("rare classes were drawn more often", train.get("sampling") == "balanced"),
        ("rare classes weighed more in the loss", loss.get("class_weights") == "balanced"),
        (f"logit adjustment of {loss.get('logit_adjustment')}", bool(loss.get("logit_adjustment"))),
    )
    done = [words for words, was_done in means if was_done]
    if not done:
        return filled("Nothing: every image counted the same, so common classes weighed more.")
    return filled(f"{'; '.join(done).capitalize()}.")


def choice(files: RunFiles) -> ChecklistAnswer:
    """The epoch is known; how many recipes were tried in other runs is not."""
    if files.looks == 1:
        return confirm("The last epoch was kept, so none was chosen. Say which other recipes were tried.")
    epoch = f"Epoch {files.chosen_epoch} of {files.epochs}, chosen" if files.chosen_epoch else "Chosen"
    if files.looks < files.epochs and not files.probe:
        epoch += f" among the last {files.looks}"
    own = ", the fold that is reported" if chosen_where_reported(files) else ""
    return confirm(f"{epoch} by the fold {files.select_fold}{own}. Say which other recipes were tried.")


def ensemble(files: RunFiles) -> ChecklistAnswer:
    """The fold models of a cross-validation answer as one."""
    if members := files.ledger.get("members"):
        return filled(f"Yes: {len(members)} networks, those of a cross-validation, averaged.")
    return filled("No: one network answers.")


def software(files: RunFiles) -> ChecklistAnswer:
    """The versions of the training."""
    environment = files.environment
    packages = environment.get("packages")
    if not isinstance(packages, Mapping) or "torch" not in packages:
        return yours("environment.json is missing.")
    version = files.ledger.get("version", "of unknown version")
    return filled(
        f"Groupwise {version}, PyTorch {packages['torch']}, Python {environment.get('python')};"
        " environment.json has all."
    )


def computing(files: RunFiles) -> ChecklistAnswer:
    """Device, time of the epochs and largest memory; what failed or came before is the user's to add."""
    device = files.environment.get("device")
    if device is None:
        return yours("environment.json is missing.")
    threads = count(files.environment.get("threads", 1), "thread")
    if members := files.ledger.get("members"):
        return confirm(
            f"{device}, {threads}; each of the {len(members)} networks has its time in its own history.csv."
            " Add the runs that came before or failed."
        )
    seconds = files.probe.get("seconds") or sum(row["seconds"] for row in files.history)
    memory = files.ledger.get("peak_memory_bytes")
    held = f", at most {memory / 2**30:.1f} GiB of memory" if memory else ""
    return confirm(
        f"{device}, {threads}; {seconds / 60:.1f} minutes of training{held}. Add the runs that came before or"
        " failed."
    )


def repeating(files: RunFiles) -> ChecklistAnswer:
    """The recipe and the split are enough, together with the images."""
    if "recipe.yaml" not in files.ledger.get("artefacts", {}):
        return yours("The ledger names no recipe.")
    return confirm(
        "`groupwise train DATA --recipe recipe.yaml` with the recipe and seed of this run; README.md of the"
        " run tells how it is used. Add where the images can be had."
    )


def measures(files: RunFiles) -> ChecklistAnswer:
    """Names of the figures; why these matter for the task is told elsewhere."""
    figures = files.metrics[files.fold]
    named = {**NAMED, "accuracy": "images with exactly the right labels"} if files.several else NAMED
    names = [words for name, words in named.items() if figures.get(name) is not None]
    return confirm(f"Measured were {', '.join(names)}. Say which of them the task asks for.")


NAMED = {
    **{name: name.replace("_", " ") for name in ("accuracy", "balanced_accuracy")},
    **{"mcc": "MCC", "macro_f1": "macro F1", "auroc": "AUROC", "average_precision": "average precision"},
    **{"log_loss": "log loss", "brier": "Brier score", "ece": "calibration error"},
    **{"per_class": "the figures of each class", "confusion": "the confusion matrix"},
}


def number(files: RunFiles) -> ChecklistAnswer:
    """Accuracy of each fold that was measured, and of the images that were learnt from."""
    told, measured = [], dict(files.metrics)
    if files.training_fold:
        measured = {"train": files.training_fold, **measured}
    for fold, figures in measured.items():
        figure, name = headline_figure(figures), headline_measure(figures).replace("_", " ")
        interval = f" (95 % interval {share_interval(figure)})" if figure.has_interval else ""
        told.append(f"{fold}: {name} {share_text(figure)}{interval} of {figures['n']:,} images")
    return filled("; ".join(told) + ".")


def uncertainty(files: RunFiles) -> ChecklistAnswer:
    """The method of the interval, if there is one."""
    figure = headline_figure(files.metrics[files.fold])
    if not figure.has_interval:
        return yours(f"There is no interval: {figure.reason or 'metrics.json has none'}.")
    return filled(f"{figure.method or '95 % intervals'}; it counts sources, not images.")


def assumption(files: RunFiles) -> ChecklistAnswer:
    """What the interval rests on."""
    if not headline_figure(files.metrics[files.fold]).has_interval:
        return yours("There is no interval.")
    return confirm(
        "Images of one source are alike, so sources are what is drawn, and no normal distribution is"
        " assumed. Say whether the sources are independent of one another."
    )


def computed(files: RunFiles) -> ChecklistAnswer:
    """From picture to probability."""
    members = files.ledger.get("members")
    temperature = files.config.get("temperature")
    scaled = f" of the outputs divided by {temperature:.2f}" if isinstance(temperature, int | float) else ""
    if members:
        scaled = " of the outputs divided by the temperature of each network, averaged over the networks"
    answered = "of the least expected cost" if _has_costs(files) else "of the largest probability"
    asked = (
        f"a sigmoid for each label{scaled}; every label from its own threshold on"
        if files.several
        else f"softmax{scaled}; the class {answered}"
    )
    looked = "and its mirror image, whose features are averaged, " if looks_twice(files) else ""
    where = "the decision.json of each network" if members else "decision.json"
    return filled(
        f"One picture at a time, {looked}prepared as in training; {asked}. Further thresholds are in {where}."
    )


def looks_twice(files: RunFiles) -> bool:
    """Whether an answer averages the features of an image and of its mirror image."""
    return bool((files.part("model").get("overrides") or {}).get("mirror_average"))


def _has_costs(files: RunFiles) -> bool:
    """Whether answers go by a cost matrix; a fold measured before it was given has no cost yet."""
    return any("cost" in figures for figures in files.metrics.values())


def readings(files: RunFiles) -> ChecklistAnswer:
    """What the ledger counted."""
    if "test_readings" not in files.ledger:
        return yours("run.json does not say.")
    return filled(f"{count(files.ledger['test_readings'], 'time')} by this software; the ledger says when.")


def baseline(files: RunFiles) -> ChecklistAnswer:
    """The largest class always; a stronger rival is for a person to find."""
    majority = files.metrics[files.fold].get("majority")
    if not majority:
        return yours()
    return confirm(
        f"Always answering {majority['class']}: {percent(majority['accuracy'])}. Add the rule in use today."
    )


def calibration(files: RunFiles) -> ChecklistAnswer:
    """The debiased calibration error."""
    error = Estimate.from_json(files.metrics[files.fold].get("ece"))
    if error.value is None:
        return yours(f"Not measured{': ' + error.reason if error.reason else ''}.")
    temperature = files.config.get("temperature")
    by = f", after a temperature of {temperature:.2f}" if isinstance(temperature, int | float) else ""
    if files.is_clueless:
        by += ", its ceiling: the probabilities carry no information"
    return filled(f"Calibration error {plain_text(error)} ({plain_interval(error)}){by}.")


def output(files: RunFiles) -> ChecklistAnswer:
    """Probabilities always, an operating point where one was set."""
    point = files.metrics[files.fold].get("operating_point")
    if point and "reason" not in point:
        target = point["target_sensitivity"]
        promised = point.get("promised_sensitivity", target)
        least = percent_bound(promised, "least")
        wanted = f" ({percent(target)} was wanted)" if promised < target else ""
        return filled(
            f"A probability for each class; {point['class']} from {point['threshold']:.3f} on, which at least"
            f" {least} of its images reach{wanted}; otherwise the most probable of the others."
        )
    if files.several:
        return filled(
            "A probability for each label, and the labels that reach their threshold, which the fold"
            f" {files.select_fold} chose for the highest F1."
        )
    if _has_costs(files):
        told = "A probability for each class, and the class of the least expected cost, by a cost matrix."
        before = "" if "cost" in files.metrics[files.fold] else f" {files.fold} was measured before that."
        return filled(f"{told}{before}")
    return confirm("A probability for each class, and the most probable one. No threshold was set.")
