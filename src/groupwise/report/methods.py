"""A methods paragraph made from a run, in English and Chinese, with its references."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from groupwise.files import read_json
from groupwise.report.checklist.evaluation import looks_twice
from groupwise.report.methods_words import REFERENCES, TEXTS
from groupwise.report.step_commands import is_probe
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import Estimate
from groupwise.stats.intervals import JACKKNIFED
from groupwise.text import percentage

CITED = re.compile(r"\[(\d)\]")


def methods(files: RunFiles, language: str) -> str:
    """Three paragraphs and the references that they cite, as Markdown; `language` is a key of TEXTS."""
    say = TEXTS[language]
    result = _precision(files, say) if files.several else _accuracy(files, say)
    parts = [
        _data(files, say),
        _learning(files, say),
        f"{result}{_intervals(files, say)}{_software(files, say)}",
    ]
    cited = sorted({int(number) for number in CITED.findall("".join(parts))})
    told = [CITED.sub(lambda one: f"[{cited.index(int(one[1])) + 1}]", part) for part in parts]
    listed = "\n".join(f"{i}. {REFERENCES[number - 1]}" for i, number in enumerate(cited, start=1))
    return "\n\n".join([*told, f"**{say['references']}**", listed])


def _data(files: RunFiles, say: Mapping[str, str]) -> str:
    folds = files.split["folds"]
    named = [say["fold"].format(name=name, n=one["n"], sources=one["sources"]) for name, one in folds.items()]
    method = files.split.get("method")
    divided = method if method in ("random", "given") else "grouped"
    n = files.split["spanning_sources"]
    spanning = say["apart" if n == 0 else "one spanning" if n == 1 else "spanning"].format(n=n)
    return say["data"].format(
        n=sum(one["n"] for one in folds.values()),
        classes=len(files.class_names),
        sources=files.split["sources"],
        found=say["found"] if files.findings is not None else "",
    ) + say[divided].format(folds=say["joiner"].join(named), spanning=spanning)


def _learning(files: RunFiles, say: Mapping[str, str]) -> str:
    """What was trained or fitted, how it was chosen, and how often the test fold was answered."""
    members = len(files.ledger.get("members", ()))
    if members:
        told = (_probes if is_probe(files) else _networks)(files, say, members)
    else:
        told = (_probe if files.probe else _network)(files, say)
    if files.several:
        told += say["sets"].format(classes=len(files.class_names), fold=files.select_fold)
    readings = files.ledger.get("test_readings", 0)
    if members or not readings:
        return told
    return told + say["test"].format(
        readings=say["once"] if readings == 1 else say["times"].format(n=readings)
    )


def _network(files: RunFiles, say: Mapping[str, str]) -> str:
    told = say["network"].format(**_training(files, say), seed=files.seed)
    told += say["mirrored"] if looks_twice(files) else ""
    chosen, tempered = ("choice", "temperature") if files.looks > 1 else ("kept", "tempered")
    return told + say[chosen].format(**_choice(files, say), temperature=_temperature(files, say[tempered]))


def _networks(files: RunFiles, say: Mapping[str, str], members: int) -> str:
    """Those of a cross-validation."""
    last = files.seed + files.crossval.get("repeats", 1) - 1
    told = say["networks"].format(**_training(files, say), members=members, seed=_span(files.seed, last, say))
    told += say["mirrored"] if looks_twice(files) else ""
    return told + say["choices" if files.looks > 1 else "kept each"].format(**_choice(files, say))


def _probe(files: RunFiles, say: Mapping[str, str]) -> str:
    return say["probe"].format(
        **_choice(files, say),
        features=files.probe["features"],
        n=files.probe["num_features"],
        size=files.part("data").get("image_size_px", "?"),
        tried=len(files.probe["penalties"]),
        temperature=_temperature(files, say["temperature"]),
    )


def _probes(files: RunFiles, say: Mapping[str, str], members: int) -> str:
    """Those of a cross-validation, whose features its recipe names."""
    return say["probes"].format(
        **_choice(files, say),
        features=PurePath(str(files.part("model")["features"])).name,
        size=files.part("data").get("image_size_px", "?"),
        members=members,
    )


def _training(files: RunFiles, say: Mapping[str, str]) -> dict[str, Any]:
    """The fields that tell how a network was trained."""
    model, optim = files.part("model"), files.part("optim")
    epochs = files.crossval.get("epochs") or [files.epochs]
    return {
        "network": files.config.get("architecture") or model.get("preset", "ResNeXt"),
        "groups": say["groups"] if _has_groups(files) else "",
        "start": say["weights"] if model.get("weights") else say["scratch"],
        "size": files.part("data").get("image_size_px", "?"),
        "epochs": say["epoch"]
        if max(epochs) == 1
        else say["epochs"].format(n=_span(min(epochs), max(epochs), say)),
        "optimizer": optim.get("name", "?"),
        "rate": float(optim.get("learning_rate", "nan")),
        "decay": float(optim.get("weight_decay", "nan")),
        "batch": files.part("training").get("batch_size", "?"),
    }


def _has_groups(files: RunFiles) -> bool:
    """Whether convolutions of the network have groups; of a cross-validation, those of its first network."""
    file = files.folder.joinpath(*files.ledger.get("members", ())[:1], "config.json")
    values = read_json(file).get("groupwise", {}).get("model", {}) if file.exists() else {}
    largest = max(values.get("cardinality", 1), values.get("radix", 0))  # of splits, one group each
    return values.get("group_width") is not None or largest > 1


def _choice(files: RunFiles, say: Mapping[str, str]) -> dict[str, Any]:
    """The fields that tell what was chosen, and by what."""
    by = files.part("training").get("select_by", ["accuracy"])
    return {
        "fold": files.select_fold,
        "by": by if isinstance(by, str) else say["joiner"].join(by),
        "looks": files.looks if files.looks == files.epochs else say["last"].format(n=files.looks),
    }


def _temperature(files: RunFiles, words: str) -> str:
    value = files.config.get("temperature")
    return words.format(fold=files.select_fold, value=value) if isinstance(value, int | float) else ""


def _span(low: int, high: int, say: Mapping[str, str]) -> str:
    return str(low) if low == high else say["span"].format(low=low, high=high)


def _accuracy(files: RunFiles, say: Mapping[str, str]) -> str:
    accuracy = Estimate.from_json(files.metrics[files.fold]["accuracy"])
    assert accuracy.value is not None
    return say["result"].format(
        where=_where(files, say),
        value=_percent(accuracy.value, say),
        n=accuracy.n,
        sources=accuracy.sources,
        interval=_interval(accuracy, say),
    )


def _precision(files: RunFiles, say: Mapping[str, str]) -> str:
    """The figures where images have several labels, and what was promised of those that were missed."""
    figures = files.metrics[files.fold]
    precision, exact = (Estimate.from_json(figures[name]) for name in ("average_precision", "accuracy"))
    assert exact.value is not None
    ranked = [one for one in figures["per_class"].values() if one["average_precision"]["value"] is not None]
    told = say["precision"].format(
        where=_where(files, say),
        labels=say["of"].format(present=len(ranked), all=len(files.class_names)),
        value="n/a" if precision.value is None else _percent(precision.value, say),
        n=precision.n,
        sources=precision.sources,
        interval=_interval(precision, say),
        exact=_percent(exact.value, say),
    )
    held = figures["risk_control"]
    if "reason" in held or held["missed_of_sources"]["value"] is None:
        return told
    missed = _percent(held["missed_of_sources"]["value"], say)
    return told + say["risk"].format(alpha=100 * held["alpha"], missed=missed)


def _intervals(files: RunFiles, say: Mapping[str, str]) -> str:
    """How the intervals were made, and what the curves follow, which sets of labels do not have."""
    precision = files.metrics[files.fold].get("average_precision") or {}
    rather = say["jackknife"] if precision.get("method") == JACKKNIFED else ""
    return say["how"].format(rather=rather) + ("" if files.several else say["curves"])


def _where(files: RunFiles, say: Mapping[str, str]) -> str:
    return say["unseen" if files.ledger.get("members") else "fold of"].format(fold=files.fold)


def _interval(figure: Estimate, say: Mapping[str, str]) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return say["interval"].format(low=_percent(figure.low, say), high=_percent(figure.high, say))


def _percent(share: float, say: Mapping[str, str]) -> str:
    bound, _, number = percentage(share).rpartition(" ")
    return say[bound].format(number=number) if bound else number


def _software(files: RunFiles, say: Mapping[str, str]) -> str:
    return say["software"].format(
        version=files.ledger.get("version", "?"),
        torch=files.environment.get("packages", {}).get("torch", "?"),
        device=files.environment.get("device", "?"),
    )
