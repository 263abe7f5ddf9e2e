"""The number, its unit and its interval, in words."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from groupwise.errors import GroupwiseError
from groupwise.report.aim_words import optimised_text
from groupwise.report.baseline_words import baseline_name, standing_sentence
from groupwise.report.rendering import Section
from groupwise.report.trust import trust_words
from groupwise.report.validity import chosen_where_reported, hidden_faults, sources_known
from groupwise.report.words import percent, plain_text, share_interval, share_text, what_is_chosen
from groupwise.runs.baselines import Standing
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import Estimate, headline_figure
from groupwise.text import count


def build(files: RunFiles) -> Section:
    """The head of the page."""
    doubtful = bool(hidden_faults(files))
    return Section(
        {
            "headline": headline(files),
            "doubtful": doubtful,
            "trust": "" if doubtful else trust_words(files),  # what is wrong stands in the red box
            "recipe_name": files.recipe_name,
            "data": files.ledger["data"],
            "crossval": files.crossval.get("words") or [],
        }
    )


MEAN_PRECISION = "mean average precision"


@dataclass(frozen=True)
class Headline:
    """The number in words, and where it lies between 0 and 100 %.

    `accuracy` is that of one class an image; of sets of labels the mean average precision stands there, and
    `unit` says what it is, `meaning` what it asks and what chance has. `baseline` says whether the network
    beats what is cheap, and `standing` in one word; None without baselines. `baseline_share` is the figure of
    the one that is named, `baseline_name`.
    `optimised` says what the run was optimised for, `refit` where a network that went on with all
    images lies, and `probe` what frozen features have on the same images.
    """

    accuracy: Estimate
    unit: str
    sentence: str
    meaning: str
    interval: str
    baseline: str
    baseline_share: float | None
    baseline_name: str
    standing: Standing | None
    fold: str
    optimised: str
    refit: str
    probe: str

    @property
    def failed(self) -> bool:
        """Whether the network was not shown to beat its baselines, which is to be said first."""
        return self.standing in ("loses", "not_shown")


def headline(files: RunFiles) -> Headline:
    """The number of the page; raises GroupwiseError where there is none."""
    figures = files.metrics[files.fold]
    accuracy = headline_figure(figures)
    if accuracy.value is None:
        what = "average precision" if files.several else "accuracy"
        raise GroupwiseError(
            f"no {what} for fold {files.fold!r} ({accuracy.reason or 'no reason given'})",
            place=files.folder / "metrics.json",
            remedy="Evaluate a fold that holds labelled images.",
        )
    n, sources = figures["n"], figures["sources"]
    whence = f" from {count(sources, 'source')}" if sources_known(files) else ""
    interval = f"There is no interval: {accuracy.reason}." if accuracy.reason else ""
    if accuracy.has_interval:
        interval = f"95\N{NO-BREAK SPACE}% interval: {share_interval(accuracy)}. {_reach(files)}"
    standing, name, share, baseline = _beside(files)
    return Headline(
        accuracy=accuracy,
        unit=f"{MEAN_PRECISION} of the labels, on the {files.fold} images"
        if files.several
        else f"of the {files.fold} images classified correctly",
        sentence=f"Of {count(n, 'image')}{whence} {_role(files)}, {_told(files, accuracy)}",
        meaning=_meaning(files) if files.several else "",
        interval=interval,
        baseline=baseline,
        baseline_share=share,
        baseline_name=name,
        standing=standing,
        fold=files.fold,
        optimised=optimised_text(files),
        refit=_refit(files),
        probe=_probe(files),
    )


def _told(files: RunFiles, figure: Estimate) -> str:
    """What the number says, after how many images it is of."""
    figures = files.metrics[files.fold]
    if files.several:
        exact, micro = (Estimate.from_json(figures[name]) for name in ("accuracy", "micro_f1"))
        return (
            f"each with any of {count(len(files.class_names), 'label')}: {MEAN_PRECISION}"
            f" {share_text(figure)}, {figure.of}. {share_text(exact)} of the images have exactly the right"
            f" labels, and F1 over all labels is {plain_text(micro)}."
        )
    right, n = sum(row[k] for k, row in enumerate(figures["confusion"])), figures["n"]
    return f"{share_text(figure)} were classified correctly: {right:,} right, {n - right:,} wrong."


def _meaning(files: RunFiles) -> str:
    """What mean average precision asks, and what labels at random would have, of labels that stand there."""
    held = files.metrics[files.fold]["per_class"].values()
    shares = [share for one in held if (share := Estimate.from_json(one["prevalence"]).value)]
    return (
        "Mean average precision says how well the probability of each label sorts the images: 100 % where"
        " all that have the label come first, by chance about the share that has it,"
        f" {percent(fmean(shares))} on average."
    )


def _refit(files: RunFiles) -> str:
    """That there is a refit, and whose the number is; nothing where there is none, or no longer one."""
    found = files.ledger.get("refit") or {}
    if not found or not (files.folder / found["folder"]).is_dir():
        return ""
    return (
        f"A refit lies in `{found['folder']}/`: the same network, which went on with all"
        f" {count(found['learnt_from'], 'image')} for {count(found['epochs'], 'epoch')}. The number is of the"
        " network that was measured; nothing was measured on the refit, which is expected to be as good or a"
        " little better."
    )


def _probe(files: RunFiles) -> str:
    """What a probe of the same split has, where one lies beside the run; nothing else."""
    found = files.probe_beside
    figure = found.accuracy.get(files.fold) if found else None
    if found is None or figure is None or figure.value is None:
        return ""
    between = f" (95\N{NO-BREAK SPACE}% interval {share_interval(figure)})" if figure.has_interval else ""
    return (
        f"Frozen features of {found.features} with logistic regression, the probe {found.folder.name} of the"
        f" same split, have {percent(figure.value)}{between}; `groupwise compare` says whether they differ."
    )


def _beside(files: RunFiles) -> tuple[Standing | None, str, float | None, str]:
    """Standing, name and accuracy of the baseline to compare with, and the sentence about it.

    Without baselines it is the share of the fold's largest class.
    """
    figures, found = files.metrics[files.fold], files.baselines
    if found is not None and found.covers(files.fold):
        rival = found.rival(files.fold)
        network = Estimate.from_json(figures[found.measure])
        name = found.measure if files.several else "accuracy"
        share = rival.scores[files.fold].figures[name].value
        told = standing_sentence(found, files.fold, network)
        return found.standing(files.fold), baseline_name(rival), share, told
    majority = figures.get("majority") or {}
    share = Estimate.from_json(majority.get("accuracy")).value
    if share is None:
        return None, "", None, ""
    told = f"Always guessing the largest class, “{majority.get('class')}”, would give {percent(share)}."
    return None, "always guessing the largest class", share, told


def _reach(files: RunFiles) -> str:
    if hidden_faults(files):
        return "It covers the luck of the draw alone, not what is said in red below."
    figures = files.metrics[files.fold]
    drawn, unit = (figures["sources"], "source") if sources_known(files) else (figures["n"], "image")
    what = "figure of" if files.several else "share among"
    return f"The {what} all {unit}s of this kind probably lies there; {count(drawn, unit)} tell no more."


def _role(files: RunFiles) -> str:
    # "took no part" is claimed only where it is true of the sources as well.
    if files.crossval:
        return "that were answered by networks which never saw their sources"
    apart = files.split.get("method") in ("grouped", "given") and not files.split["spanning_sources"]
    if chosen_where_reported(files):
        return f"that were kept out of training but chose its {what_is_chosen(files)}"
    return "that took no part in training" if apart else _kept_out(files)


def _kept_out(files: RunFiles) -> str:
    given = files.split.get("method") == "given"
    return f"that were kept out of training {'by the split that the data bring' if given else 'at random'}"
