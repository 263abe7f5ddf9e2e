"""A methods paragraph made from a run, in English and Chinese, with its references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
)

TEXTS = {
    "en": {
        "data": "The data are {n:,} images of {classes} classes from {sources:,} sources. A source is all"
        " that"
        " belongs together: images that share a stated group, and copies of one photograph{found}.",
        "found": " that a search over descriptors, local features and a comparison of pixels found",
        "grouped": " They were divided by source into {folds}, so that no source lies in two folds.",
        "random": " They were divided at random into {folds}; sources may lie in several folds.",
        "fold": "{name} ({n:,} images, {sources:,} sources)",
        "network": "A {network} network (grouped convolutions [1]; {start}) was trained on images of"
        " {size} x {size} pixels for {epochs} epochs with {optimizer}, a learning rate of {rate:g},"
        " weight decay {decay:g},"
        " batches of {batch} and seed {seed}.",
        "scratch": "random initial weights",
        "weights": "initial weights from a file of pretrained ones",
        "choice": " The fold {fold} chose the epoch by {by} among {looks}{temperature}.",
        "temperature": ", and set the temperature of the probabilities to {value:.2f} [4]",
        "test": " The test fold was answered {readings}.",
        "once": "once",
        "times": "{n} times",
        "result": "On the fold {fold}, {value:.1f} % of {n:,} images from {sources:,} sources were classified"
        " correctly{interval}.",
        "interval": " (95 % interval {low:.1f} to {high:.1f} %)",
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
        "fold": "{name}（{n:,}幅图像，{sources:,}个来源）",
        "network": "采用{network}网络（分组卷积[1]；{start}），输入{size}×{size}像素，训练{epochs}轮，"
        "优化器{optimizer}，学习率{rate:g}，权重衰减{decay:g}，批量{batch}，随机种子{seed}。",
        "scratch": "随机初始化权重",
        "weights": "以预训练权重文件初始化",
        "choice": "由{fold}部分依{by}从{looks}轮中选定一轮{temperature}。",
        "temperature": "，并将概率的温度设为{value:.2f}[4]",
        "test": "测试部分共作答{readings}。",
        "once": "1次",
        "times": "{n}次",
        "result": "在{fold}部分，来自{sources:,}个来源的{n:,}幅图像中有{value:.1f}%分类正确{interval}。",
        "interval": "（95%区间{low:.1f}%至{high:.1f}%）",
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
    parts = [_data(files, say), _training(files, say), _result(files, say)]
    listed = "\n".join(f"{i}. {one}" for i, one in enumerate(REFERENCES, start=1))
    return "\n\n".join([*parts, f"**{say['references']}**", listed])


def _data(files: RunFiles, say: Mapping[str, str]) -> str:
    folds = files.split["folds"]
    named = [say["fold"].format(name=name, n=one["n"], sources=one["sources"]) for name, one in folds.items()]
    method = "random" if files.split.get("method") == "random" else "grouped"
    return say["data"].format(
        n=sum(one["n"] for one in folds.values()),
        classes=len(files.class_names),
        sources=files.split["sources"],
        found=say["found"] if files.findings is not None else "",
    ) + say[method].format(folds=say["joiner"].join(named))


def _training(files: RunFiles, say: Mapping[str, str]) -> str:
    parts: dict[str, Mapping[str, Any]] = {
        name: files.recipe.get(name) or {} for name in ("model", "data", "optim", "training")
    }
    told = say["network"].format(
        network=files.config.get("architecture") or parts["model"].get("preset", "ResNeXt"),
        start=say["weights"] if parts["model"].get("weights") else say["scratch"],
        size=parts["data"].get("image_size_px", "?"),
        epochs=parts["training"].get("epochs", files.looks),
        optimizer=parts["optim"].get("name", "?"),
        rate=float(parts["optim"].get("learning_rate", "nan")),
        decay=float(parts["optim"].get("weight_decay", "nan")),
        batch=parts["training"].get("batch_size", "?"),
        seed=files.seed,
    )
    by = parts["training"].get("select_by", ["accuracy"])
    value = files.config.get("temperature")
    told += say["choice"].format(
        fold=files.select_fold,
        by=by if isinstance(by, str) else say["joiner"].join(by),
        looks=files.looks,
        temperature=say["temperature"].format(value=value) if isinstance(value, int | float) else "",
    )
    readings = files.ledger.get("test_readings", 0)
    if not readings:
        return told
    return told + say["test"].format(
        readings=say["once"] if readings == 1 else say["times"].format(n=readings)
    )


def _result(files: RunFiles, say: Mapping[str, str]) -> str:
    accuracy = Estimate.from_json(files.metrics[files.fold]["accuracy"])
    assert accuracy.value is not None
    interval = ""
    if accuracy.low is not None and accuracy.high is not None:
        interval = say["interval"].format(low=100 * accuracy.low, high=100 * accuracy.high)
    told = say["result"].format(
        fold=files.fold,
        value=100 * accuracy.value,
        n=accuracy.n,
        sources=accuracy.sources,
        interval=interval,
    )
    software = say["software"].format(
        version=files.ledger.get("version", "?"),
        torch=files.environment.get("packages", {}).get("torch", "?"),
        device=files.environment.get("device", "?"),
    )
    return f"{told}{say['how']}{software}"
