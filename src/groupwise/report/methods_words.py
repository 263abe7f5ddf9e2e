"""The words of the methods paragraph in each language, and what they cite by number."""

from __future__ import annotations

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
        "network": "A {network} network ({groups}{start}) was trained on images of"
        " {size} x {size} pixels for {epochs} with {optimizer}, a learning rate of {rate:g},"
        " weight decay {decay:g},"
        " batches of {batch} and seed {seed}.",
        "groups": "grouped convolutions [1]; ",
        "networks": "A cross-validation trained {members} {network} networks ({groups}"
        "{start}) on images of {size} x {size} pixels, each for {epochs} with {optimizer}, a learning rate"
        " of {rate:g}, weight decay {decay:g}, batches of {batch} and seed {seed}, and measured each on"
        " sources that it had not seen.",
        "probe": "A frozen network ({features}) turned each image, of {size} x {size} pixels, into {n:,}"
        " features, to which a logistic regression was fitted. The fold {fold} chose its L2 penalty, among"
        " {tried}, by {by}{temperature}.",
        "probes": "A frozen network ({features}) turned each image, of {size} x {size} pixels, into features,"
        " and a cross-validation fitted {members} logistic regressions to them. For each a fold {fold} of its"
        " own chose the L2 penalty, by {by}, and set the temperature of the probabilities [4]; each was"
        " measured on sources that it had not seen.",
        "span": "{low} to {high}",
        "epoch": "one epoch",
        "epochs": "{n} epochs",
        "scratch": "random initial weights",
        "weights": "initial weights from a file of pretrained ones",
        "choice": " The fold {fold} chose the epoch, among {looks}, by {by}{temperature}.",
        "choices": " For each a fold {fold} of its own chose the epoch, among {looks}, by {by}, and set the"
        " temperature of the probabilities [4].",
        "kept each": " The weights of the last epoch of each were kept; a fold {fold} of its own set the"
        " temperature of the probabilities [4].",
        "kept": " The weights of the last epoch were kept{temperature}.",
        "last": "the last {n}",
        "temperature": ", and set the temperature of the probabilities to {value:.2f} [4]",
        "tempered": "; the fold {fold} set the temperature of the probabilities to {value:.2f} [4]",
        "mirrored": " It answers from an image and its mirror image, whose features are averaged.",
        "test": " The test fold was answered {readings}.",
        "once": "once",
        "times": "{n} times",
        "fold of": "On the fold {fold}",
        "unseen": "By networks that had not seen their sources",
        "over": "over {number}",
        "under": "under {number}",
        "result": "{where}, {value} % of {n:,} images from {sources:,} sources were classified"
        " correctly{interval}.",
        "interval": " (95 % interval {low} to {high} %)",
        "sets": " An image has any number of the {classes} classes, here called labels: each gets"
        " a probability of its own (binary cross-entropy), and an image is given a label from the"
        " probability on that had the highest F1 on the fold {fold}.",
        "of": "{present} of {all} labels",
        "precision": "{where}, the mean average precision over {labels} was"
        " {value} %{interval}, on {n:,} images from {sources:,} sources; {exact} % of the images were"
        " given exactly their labels.",
        "risk": " The labels that an image may have, by conformal risk control [6], were promised to miss at"
        " most {alpha:g} % of its true ones on average over new sources, and missed {missed} %.",
        "how": " Intervals of shares are Wilson's [2] on an effective number of images [3], with"
        " Student's t; those of means over classes and of rankings take their variance from a bootstrap of"
        " whole sources{rather}.",
        "jackknife": ", but those of average precision take theirs, and the optimism that they are freed of,"
        " from a jackknife over sources",
        "curves": " Curves of discrimination, calibration and net benefit follow [5].",
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
        "network": "采用{network}网络（{groups}{start}），输入{size}×{size}像素，训练{epochs}，"
        "优化器{optimizer}，学习率{rate:g}，权重衰减{decay:g}，批量{batch}，随机种子{seed}。",
        "groups": "分组卷积[1]；",
        "networks": "交叉验证共训练{members}个{network}网络（{groups}{start}），"
        "输入{size}×{size}像素，各训练{epochs}，优化器{optimizer}，学习率{rate:g}，权重衰减{decay:g}，批量{batch}，随机种子{seed}；"
        "各网络均在其未见过的来源上测量。",
        "probe": "冻结的网络（{features}）将{size}×{size}像素的每幅图像变为{n:,}个特征，并对其拟合逻辑回归。"
        "由{fold}部分依{by}从{tried}个值中选定L2惩罚{temperature}。",
        "probes": "冻结的网络（{features}）将{size}×{size}像素的每幅图像变为特征，"
        "交叉验证对其拟合{members}个逻辑回归。各由其自己的{fold}部分依{by}选定L2惩罚，并设定概率的温度[4]；各在其未见过的来源上测量。",
        "span": "{low}至{high}",
        "epoch": "1轮",
        "epochs": "{n}轮",
        "scratch": "随机初始化权重",
        "weights": "以预训练权重文件初始化",
        "choice": "由{fold}部分依{by}从{looks}轮中选定一轮{temperature}。",
        "choices": "各由其自己的{fold}部分依{by}从{looks}轮中选定一轮，并设定概率的温度[4]。",
        "kept each": "各保留最后一轮的权重；由其自己的{fold}部分设定概率的温度[4]。",
        "kept": "保留最后一轮的权重{temperature}。",
        "last": "最后{n}",
        "temperature": "，并将概率的温度设为{value:.2f}[4]",
        "tempered": "；由{fold}部分将概率的温度设为{value:.2f}[4]",
        "mirrored": "回答时对图像及其镜像的特征取平均。",
        "test": "测试部分共作答{readings}。",
        "once": "1次",
        "times": "{n}次",
        "fold of": "在{fold}部分",
        "unseen": "由未见过其来源的网络作答",
        "over": "超过{number}",
        "under": "不到{number}",
        "result": "{where}，来自{sources:,}个来源的{n:,}幅图像中有{value}%分类正确{interval}。",
        "interval": "（95%区间{low}%至{high}%）",
        "sets": "一幅图像可具有这{classes}类（此处称为标签）中的任意个：每个标签单独得到一个概率"
        "（二元交叉熵），概率达到在{fold}部分上F1最高的阈值即赋予该标签。",
        "precision": "{where}，来自{sources:,}个来源的{n:,}幅图像上，{labels}的平均精度均值为"
        "{value}%{interval}；{exact}%的图像所得标签完全正确。",
        "risk": "图像可能具有的标签由共形风险控制[6]给出：承诺对新来源平均至多遗漏{alpha:g}%的真实标签，"
        "实际遗漏{missed}%。",
        "of": "{present}个标签（共{all}个）",
        "how": "比例的区间为基于有效图像数[3]的Wilson区间[2]，采用Student t分布；各类均值及排序指标的方差由"
        "整来源自助法得到{rather}。",
        "jackknife": "，但平均精度的方差及所扣除的乐观偏差由对来源的刀切法得到",
        "curves": "区分度、校准与净获益曲线依照[5]。",
        "software": "软件：Groupwise {version}（PyTorch {torch}），运行于{device}。",
        "joiner": "、",
        "references": "参考文献",
    },
}
