"""A methods paragraph made from a run, in English and Chinese, with its references."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from groupwise.report.checklist.evaluation import looks_twice
from groupwise.runs.files import RunFiles
from groupwise.stats.estimate import Estimate

REFERENCES = (
    "Xie S, Girshick R, Dollár P, Tu Z, He K. Aggregated residual transformations for deep neural networks."
    " CVPR 2017.",
    "Wilson EB. Probable inference, the law of succession, and statistical inference. J Am Stat Assoc 1927;"
    "22:209-212.",
    "Korn EL, Graubard BI. Confidence intervals for proportions with small expected number of positive counts"
    " estimated from survey data. Survey Methodology 1998;24:193-201.",
    "Guo C, Pleiss G, Sun Y, Weinberger KQ. On calibration of modern neural networks. ICML 2017.",
    "Van Calster B, et al. Performance evaluation of predictive AI models to support medical decisions."
    " arXiv:2412.10288; Lancet Digital Health 2025.",
    "Angelopoulos AN, Bates S, Fisch A, Lei L, Schuster T. Conformal risk control. arXiv:2208.02814; ICLR"
    " 2024.",
)

TEXTS = {
    "en": {
        "data": "The data are {n:,} images of {classes} classes from {sources:,} sources. A source is all"
        " that"
        " belongs together: images that share a stated group, and copies of one photograph{found}.",
        "found": " that a search over descriptors, local features and a comparison of pixels found",
        "grouped": " They were divided by source into {folds}, so that no source lies in two folds.",
        "random": " They were divided at random into {folds}; sources may lie in several folds.",
        "given": " They came divided into {folds}; {spanning}.",
        "apart": "no source lies in two folds",
        "spanning": "{n:,} sources lie in several folds",
        "one spanning": "one source lies in several folds",
        "fold": "{name} ({n:,} images, {sources:,} sources)",
        "network": "A {network} network (grouped convolutions [1]; {start}) was trained on images of"
        " {size} x {size} pixels for {epochs} with {optimizer}, a learning rate of {rate:g},"
        " weight decay {decay:g},"
        " batches of {batch} and seed {seed}.",
        "epoch": "one epoch",
        "epochs": "{n} epochs",
        "scratch": "random initial weights",
        "weights": "initial weights from a file of pretrained ones",
        "choice": " The fold {fold} chose the epoch, among {looks}, by {by}{temperature}.",
        "kept": " The weights of the last epoch were kept{temperature}.",
        "last": "the last {n}",
        "temperature": ", and set the temperature of the probabilities to {value:.2f} [4]",
        "tempered": "; the fold {fold} set the temperature of the probabilities to {value:.2f} [4]",
        "mirrored": " It answers from an image and its mirror image, whose features are averaged.",
        "test": " The test fold was answered {readings}.",
        "once": "once",
        "times": "{n} times",
        "result": "On the fold {fold}, {value:.1f} % of {n:,} images from {sources:,} sources were classified"
        " correctly{interval}.",
        "interval": " (95 % interval {low:.1f} to {high:.1f} %)",
        "sets": " An image has any number of the {classes} classes, here called labels: the network gives"
        " each a probability of its own (binary cross-entropy), and an image is given a label from the"
        " probability on that had the highest F1 on the fold {fold}.",
        "of": "{present} of {all} labels",
        "precision": "On the fold {fold}, the mean average precision over {labels} was"
        " {value:.1f} %{interval}, on {n:,} images from {sources:,} sources; {exact:.1f} % of the images were"
        " given exactly their labels.",
        "risk": " The labels that an image may have, by conformal risk control [6], were promised to miss at"
        " most {alpha:g} % of its true ones on average over new sources, and missed {missed:.1f} %.",
        "how": " Intervals of shares are Wilson's [2] on an effective number of images [3], with"
        " Student's t; those"
        " of means over classes and of rankings take their variance from a bootstrap of whole sources."
        " Curves of"
        " discrimination, calibration and net benefit follow [5].",
        "software": " Groupwise {version} (PyTorch {torch}) on {device}.",
        "joiner": ", ",
        "references": "References",
    },
    "zh": {
        "data": "数据为{classes}类共{n:,}幅图像，来自{sources:,}个来源。来源指属于同一整体的全部图像："
        "同一已知分组的图像，以及同一照片的各副本{found}。",
        "found": "（由描述符检索、局部特征与像素比对找出）",
        "grouped": "按来源划分为{folds}，任何来源不跨两个部分。",
        "random": "随机划分为{folds}；同一来源可能跨几个部分。",
        "given": "数据自带划分：{folds}；{spanning}。",
        "apart": "任何来源不跨两个部分",
        "spanning": "{n:,}个来源跨几个部分",
        "one spanning": "1个来源跨几个部分",
        "fold": "{name}（{n:,}幅图像，{sources:,}个来源）",
        "network": "采用{network}网络（分组卷积[1]；{start}），输入{size}×{size}像素，训练{epochs}，"
        "优化器{optimizer}，学习率{rate:g}，权重衰减{decay:g}，批量{batch}，随机种子{seed}。",
        "epoch": "1轮",
        "epochs": "{n}轮",
        "scratch": "随机初始化权重",
        "weights": "以预训练权重文件初始化",
        "choice": "由{fold}部分依{by}从{looks}轮中选定一轮{temperature}。",
        "kept": "保留最后一轮的权重{temperature}。",
        "last": "最后{n}",
        "temperature": "，并将概率的温度设为{value:.2f}[4]",
        "tempered": "；由{fold}部分将概率的温度设为{value:.2f}[4]",
        "mirrored": "回答时对图像及其镜像的特征取平均。",
        "test": "测试部分共作答{readings}。",
        "once": "1次",
        "times": "{n}次",
        "result": "在{fold}部分，来自{sources:,}个来源的{n:,}幅图像中有{value:.1f}%分类正确{interval}。",
        "interval": "（95%区间{low:.1f}%至{high:.1f}%）",
        "sets": "一幅图像可具有这{classes}类（此处称为标签）中的任意个：网络对每个标签单独给出概率"
        "（二元交叉熵），概率达到在{fold}部分上F1最高的阈值即赋予该标签。",
        "precision": "在{fold}部分，来自{sources:,}个来源的{n:,}幅图像上，{labels}的平均精度均值为"
        "{value:.1f}%{interval}；{exact:.1f}%的图像所得标签完全正确。",
        "risk": "图像可能具有的标签由共形风险控制[6]给出：承诺对新来源平均至多遗漏{alpha:g}%的真实标签，"
        "实际遗漏{missed:.1f}%。",
        "of": "{present}个标签（共{all}个）",
        "how": "比例的区间为基于有效图像数[3]的Wilson区间[2]，采用Student t分布；各类均值及排序指标的方差由"
        "整来源自助法得到。区分度、校准与净获益曲线依照[5]。",
        "software": "软件：Groupwise {version}（PyTorch {torch}），运行于{device}。",
        "joiner": "、",
        "references": "参考文献",
    },
}


def methods(files: RunFiles, language: str) -> str:
    """Three paragraphs and the references, as Markdown; `language` is a key of TEXTS."""
    say = TEXTS[language]
    result = _precision(files, say) if files.several else _accuracy(files, say)
    parts = [_data(files, say), _training(files, say), f"{result}{say['how']}{_software(files, say)}"]
    last = max(map(int, re.findall(r"\[(\d)\]", "".join(parts))))
    listed = "\n".join(f"{i}. {one}" for i, one in enumerate(REFERENCES[:last], start=1))
    return "\n\n".join([*parts, f"**{say['references']}**", listed])


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


def _training(files: RunFiles, say: Mapping[str, str]) -> str:
    parts: dict[str, Mapping[str, Any]] = {
        name: files.recipe.get(name) or {} for name in ("model", "data", "optim", "training")
    }
    told = say["network"].format(
        network=files.config.get("architecture") or parts["model"].get("preset", "ResNeXt"),
        start=say["weights"] if parts["model"].get("weights") else say["scratch"],
        size=parts["data"].get("image_size_px", "?"),
        epochs=say["epoch" if files.epochs == 1 else "epochs"].format(n=files.epochs),
        optimizer=parts["optim"].get("name", "?"),
        rate=float(parts["optim"].get("learning_rate", "nan")),
        decay=float(parts["optim"].get("weight_decay", "nan")),
        batch=parts["training"].get("batch_size", "?"),
        seed=files.seed,
    )
    by = parts["training"].get("select_by", ["accuracy"])
    value = files.config.get("temperature")
    chosen, tempered = ("choice", "temperature") if files.looks > 1 else ("kept", "tempered")
    told += say["mirrored"] if looks_twice(files) else ""
    told += say[chosen].format(
        fold=files.select_fold,
        by=by if isinstance(by, str) else say["joiner"].join(by),
        looks=files.looks if files.looks == files.epochs else say["last"].format(n=files.looks),
        temperature=say[tempered].format(fold=files.select_fold, value=value)
        if isinstance(value, int | float)
        else "",
    )
    if files.several:
        told += say["sets"].format(classes=len(files.class_names), fold=files.select_fold)
    readings = files.ledger.get("test_readings", 0)
    if not readings:
        return told
    return told + say["test"].format(
        readings=say["once"] if readings == 1 else say["times"].format(n=readings)
    )


def _accuracy(files: RunFiles, say: Mapping[str, str]) -> str:
    accuracy = Estimate.from_json(files.metrics[files.fold]["accuracy"])
    assert accuracy.value is not None
    return say["result"].format(
        fold=files.fold,
        value=100 * accuracy.value,
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
        fold=files.fold,
        labels=say["of"].format(present=len(ranked), all=len(files.class_names)),
        value=math.nan if precision.value is None else 100 * precision.value,
        n=precision.n,
        sources=precision.sources,
        interval=_interval(precision, say),
        exact=100 * exact.value,
    )
    held = figures["risk_control"]
    if "reason" in held or held["missed_of_sources"]["value"] is None:
        return told
    missed = 100 * held["missed_of_sources"]["value"]
    return told + say["risk"].format(alpha=100 * held["alpha"], missed=missed)


def _interval(figure: Estimate, say: Mapping[str, str]) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return say["interval"].format(low=100 * figure.low, high=100 * figure.high)


def _software(files: RunFiles, say: Mapping[str, str]) -> str:
    return say["software"].format(
        version=files.ledger.get("version", "?"),
        torch=files.environment.get("packages", {}).get("torch", "?"),
        device=files.environment.get("device", "?"),
    )
