"""The model card of a run, `README.md` with Hugging Face's front matter (Mitchell et al. 2019, FAT*).

The licence is left for the user, who alone knows what data and weights allow; so are the intended use and
whatever else no run can know, in brackets that a search finds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

import yaml

from groupwise.data.split import Split
from groupwise.evaluation.external_words import external_lines
from groupwise.evaluation.words import case_sentence
from groupwise.report.sections.number import headline
from groupwise.report.sections.unchecked import not_said, unchecked
from groupwise.report.validity import hidden_faults, notes, sources_known
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import Estimate
from groupwise.text import NBSP, count, listed

OPEN = "[to be filled in]"
MOST_CLASSES = 40


def model_card(files: RunFiles) -> str:
    """The card; the words are those of the report."""
    front = yaml.safe_dump(_front_matter(files), allow_unicode=True, sort_keys=False, width=110)
    body = "\n\n".join([*_use(files), *_number(files), *_data(files), *_limitations(files), *_making(files)])
    return f"---\n{front}---\n\n{body.replace(NBSP, ' ')}\n"


def refit_card(files: RunFiles, refit_of: Mapping[str, Any], split: Split) -> str:
    """The card of a network that went on with all folds of the measured run `files`.

    Its front matter has no figures, which are not its own, and its text says whose they are.
    """
    front = {name: value for name, value in _front_matter(files).items() if name != "model-index"}
    learnt = len(split.indices("train"))
    before = refit_of["learnt_from"]
    weights = ", ".join(digest[:12] for digest in refit_of["weights"])
    whole = "the network"
    if len(refit_of["weights"]) > 1:
        whole = "the first of the networks"
        measured = f"each of the {len(refit_of['weights'])} measured networks had learnt from about"
        thresholds = (
            "Temperature is the median of theirs; thresholds follow from what they say of held-out images"
        )
    else:
        measured = "the measured network had learnt from"
        thresholds = "Temperature and thresholds are those of the measured network"
    whose = (
        f"**No figure here was measured on these weights.** They are a refit: {whole} of the run"
        f" {plain(files.folder.name)}, trained on with all {learnt:,} images, where {measured} {before:,}"
        f" (weights {weights}). What was measured follows. With {learnt / before - 1:.0%} more images the"
        f" refit is likely as good or a little better, and no fold is left to check it. {thresholds}."
    )
    text = yaml.safe_dump(front, allow_unicode=True, sort_keys=False, width=110)
    number = _number(replace(files, ledger=files.ledger | {"refit": None}))
    body = "\n\n".join([*_use(files), number[0], whose, *number[1:], *_data(files), *_limitations(files)])
    return f"---\n{text}---\n\n{body.replace(NBSP, ' ')}\n"


def _front_matter(files: RunFiles) -> dict[str, Any]:
    """`license` is absent on purpose: the hub then asks for it."""
    data = PurePath(str(files.ledger["data"])).name
    return {
        "library_name": "groupwise",
        **_base_model(files),
        "pipeline_tag": "image-classification",
        "tags": ["image-classification", "linear-probe" if files.probe else "resnext", "groupwise"],
        "metrics": ["average_precision" if files.several else "accuracy"],
        "model-index": [
            {
                "name": files.folder.name,
                "results": [
                    {
                        "task": {"type": "image-classification"},
                        "dataset": {"name": data, "type": "imagefolder", "split": files.fold},
                        "metrics": _measured(files),
                    }
                ],
            }
        ],
    }


def _base_model(files: RunFiles) -> dict[str, str]:
    """The repository of the weights that training began from, where they came by name from one."""
    url = str((files.ledger.get("pretrained") or {}).get("url"))
    repository = re.match(r"https://huggingface\.co/([^/]+/[^/]+)/resolve/", url)
    return {"base_model": repository[1]} if repository else {}


def _measured(files: RunFiles) -> list[dict[str, Any]]:
    figures = files.metrics[files.fold]
    basis = {"images": figures["n"], "sources": figures["sources"]}
    names = {"accuracy": "Accuracy", "balanced_accuracy": "Balanced accuracy", "macro_f1": "Macro F1"}
    if files.several:
        names = {
            "average_precision": "Mean average precision",
            "micro_f1": "Micro F1",
            "macro_f1": "Macro F1",
        }
    return [
        {
            "type": key,
            "name": name,
            "value": figure.value,
            "args": {"interval_95": [figure.low, figure.high], **basis},
        }
        for key, name in names.items()
        if (figure := Estimate.from_json(figures.get(key))).value is not None
    ]


def _use(files: RunFiles) -> list[str]:
    names = files.class_names
    shown = listed([plain(name) for name in names], MOST_CLASSES)
    does = f"tells {len(names)} classes of images apart"
    if files.several:
        does = f"says which of {len(names)} labels an image has, any number of them"
    return [
        f"# {plain(files.folder.name)}",
        f"A network ({files.config.get('architecture', 'ResNeXt')}) that {does}: {shown}.",
        "## Intended use",
        f"What it is for, who will use it, and instead of what: {OPEN}",
        "It answers for images like those it was trained on, and for nothing else.",
    ]


def _number(files: RunFiles) -> list[str]:
    said, hidden = headline(files), hidden_faults(files)
    first = [f"**{plain(said.baseline)}**"] if said.failed else []
    beside = "" if said.failed else said.baseline
    told = " ".join(filter(None, (said.sentence, said.interval, beside, said.optimised, said.refit)))
    faults = "\n".join(f"- **{plain(note.title)}.** {plain(note.text)}" for note in hidden)
    warning = [f"**Do not rely on this number:**\n\n{faults}"] if hidden else []
    return ["## How good it is", *first, plain(told), *warning, *_cases(files), *_elsewhere(files)]


def _cases(files: RunFiles) -> list[str]:
    return [plain(case_sentence(files.cases))] if files.cases else []


def _elsewhere(files: RunFiles) -> list[str]:
    """New data that the run was measured on, one line each with what differs there."""
    lines = [f"- {plain(' '.join(external_lines(one)))}" for one in files.external]
    return ["On data from elsewhere, which it had never seen:", "\n".join(lines)] if lines else []


def _data(files: RunFiles) -> list[str]:
    folds = [
        f"| {plain(name)} | {fold['n']:,} | {fold['sources']:,} |"
        for name, fold in files.split["folds"].items()
    ]
    unit = "source" if sources_known(files) else "image"
    method = files.split.get("method", "method unknown")
    divided = "Divided as the data came" if method == "given" else f"Divided by {unit} ({plain(str(method))})"
    return [
        "## Data",
        f"Where the images come from, who labelled them, and what their licence allows: {OPEN}",
        "\n".join(["| fold | images | sources |", "|---|---|---|", *folds]),
        f"{divided}. A source is all images of one group that was given, and all copies of one photograph"
        " that were found.",
    ]


def _limitations(files: RunFiles) -> list[str]:
    said = [f"{note.title}. {note.text}" for note in notes(files)]
    lines = [f"- {plain(line)}" for line in (*said, *not_said(files), *unchecked(files))]
    return ["## Limits", "\n".join(lines)]


def _making(files: RunFiles) -> list[str]:
    readings = count(files.ledger.get("test_readings", 0), "time")
    named = files.ledger.get("pretrained")
    began = (
        f" Training began from {plain(named['name'])}, licence {plain(named['licence'])}." if named else ""
    )
    return [
        "## How it was made",
        f"By Groupwise {plain(str(files.ledger.get('version', 'of unknown version')))}, recipe"
        f" {plain(files.recipe_name)}, seed {files.seed}; the test fold was read {readings}. `recipe.yaml`,"
        " `split.csv`, `metrics.json` and `run.json` beside this file have the rest, `report.html` shows it."
        + began,
        '```python\nimport groupwise\n\ngroupwise.load_run(".").predict(["image.jpg"])\n```',
    ]


def plain(text: str) -> str:
    """Text of the user's as Markdown that is only text: on one line, with its signs escaped."""
    return re.sub(r"([\\`*_{}\[\]<>#|~])", r"\\\1", " ".join(text.split()))
