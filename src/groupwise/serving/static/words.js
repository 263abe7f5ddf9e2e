// Every sentence of the page, in each language; `{name}` stands for a value.

const WORDS = {
  en: {
    title: "What is in the picture?",
    promise: "The network tells {n} classes apart.",
    accuracy: "The network tells {n} classes apart. Of {images} test images from {sources} sources it got {value} right (95 % interval {low} to {high}).",
    "promise-labels": "The network says which of {n} labels a picture has, any number of them.",
    "precision-labels": "The network says which of {n} labels a picture has. On {images} test images from {sources} sources its mean average precision is {value} (95 % interval {low} to {high}): 100 % where the pictures with a label come before all others, by chance about the share that has it.",
    "baseline-loses": "This network loses to a trivial one: on the same test images {name} has {value} {measure}, the network {network}.",
    "baseline-not_shown": "This network is not shown to beat a trivial one: on the same test images {name} has {value} {measure}, the network {network}.",
    "baseline-beats": "The best of the trivial models, {name}, has {value} {measure} there.",
    "baseline-largest_class": "always answering “{answer}”",
    "baseline-features": "a regression on simple features of colour and shape",
    "baseline-plain_network": "a plain network of eight convolutions",
    "baseline-prevalence": "the share of the images that have each label",
    "optimised-accuracy": " It was optimised for accuracy.",
    "optimised-balanced": " It was optimised for balanced accuracy, to which every class counts alike.",
    "optimised-auroc": " It was optimised for the mean AUROC of the classes.",
    "optimised-average_precision": " It was optimised for the mean average precision.",
    "optimised-cost": " It was optimised for the least expected cost.",
    "measure-accuracy": "accuracy",
    "measure-balanced_accuracy": "balanced accuracy",
    "measure-average_precision": "mean average precision",
    point: "“{label}” is said from {threshold} on, so that at least {share} of its pictures are found.",
    token: "This server asks for its token.",
    open: "Open",
    "token-wrong": "That is not the token.",
    choose: "Choose pictures",
    camera: "Use the camera",
    hint: "or drop or paste them here",
    "one-case": "Pictures that I choose or drop together show one case: answer for the case",
    privacy: "Pictures go to this server and nowhere else, and are not kept.",
    shoot: "Take the picture",
    leave: "Close",
    "camera-refused": "There is no camera to be had ({why}).",
    "not-files": "Only image files can be dropped; addresses are not fetched.",
    answers: "Answers",
    csv: "Save as CSV",
    clear: "Remove all",
    remove: "Remove",
    again: "Send again",
    waiting: "Waiting for its turn …",
    answered: "{file}: {label}, {probability}.",
    "answered-labels": "{file}: {label}.",
    preview: "{file}",
    "no-preview": "This browser cannot show the format; the server has read it all the same.",
    look: "Show what it looked at",
    "look-away": "Show the picture alone",
    looking: "One moment …",
    mix: "Heat map over the picture",
    "heat-map": "Red: here the network found what speaks for its answer (class activation map).",
    "heat-occlusion": "Red: with this place hidden, the network finds its answer less probable (occlusion).",
    "heat-nowhere": "Wherever the picture was hidden in part, the answer stayed as probable (occlusion).",
    "heat-of": "{file}, with what spoke for {label} in red",
    most: "the most probable of {n} classes",
    "most-labels": "{label}, the most probable of {n} labels",
    "no-label": "none of the labels",
    "may-have": "It may also have: {names}. All of these together miss at most {missed} of the labels that a picture has, on average.",
    best: "most probable: {label}",
    unsure: "Not sure enough to answer",
    abstain: "Leave this one to a person.",
    "abstain-why": "Where the network was no surer than here, it was wrong too often.",
    "abstain-unknown": "From when on the network is sure enough to answer cannot be told.",
    unlike: "Unlike the training data.",
    "unlike-why": "The network has seen nothing like this picture. Do not rely on the answer.",
    "unlike-unknown": "Whether the picture resembles the training data cannot be told.",
    decided: "By the operating point (“{positive}” from {threshold} on): {label}.",
    "decided-cost": "By what each wrong answer costs: {label}.",
    "case-of": "Case of {n} pictures",
    "case-picture": "{file}: {why}",
    "case-too-large": "These are too many pictures for one case, or too large together. Choose fewer.",
    "case-mean": "One answer to all pictures, by the mean of their probabilities.",
    "case-max": "One answer to all pictures, by the highest probability of each class or label.",
    "case-vote": "One answer to all pictures, by what most of them were said to show.",
    "case-number": "The figures at the top of the page are of single pictures.",
    "unlike-some": "{n} of {pictures} pictures are unlike the training data.",
    "unlike-some-why": "The network has seen nothing like them. See below which they are.",
    set: "It may be any of these: {names}.",
    "set-coverage": "It may be any of these: {names}. Such sets hold the true class in at least {coverage} of cases.",
    more: "{n} more classes",
    "more-labels": "{n} more labels",
    failed: "No answer",
    empty: "The file is empty. Choose another.",
    "status-0": "The server does not answer. Is it still running?",
    "status-413-bytes": "The file is larger than {n} MB. Make it smaller.",
    "not-title": "What the number is not",
    "not-certainty": "Of many answers given with 80 %, about 80 in 100 should be right, on pictures like those it was tested on; the report of the training says how nearly that held. It says nothing certain about one picture.",
    "not-certainty-labels": "Of many labels with a probability of 80 %, about 80 in 100 should be right, on pictures like those it was tested on. Each label has a probability of its own, and is given from its own threshold on.",
    "not-elsewhere": "It says nothing about other cameras, places or people than those sampled, and it is no diagnosis.",
    "not-heat": "A heat map shows where the network found what speaks for its answer, not why, and not whether it is right.",
    and: ", ",
  },
  zh: {
    title: "图片里是什么？",
    promise: "本网络区分 {n} 个类别。",
    accuracy: "本网络区分 {n} 个类别。在来自 {sources} 个来源的 {images} 张测试图片上，正确率为 {value}（95 % 置信区间 {low} 至 {high}）。",
    "promise-labels": "本网络判断图片带有 {n} 个标签中的哪些，个数不限。",
    "precision-labels": "本网络判断图片带有 {n} 个标签中的哪些。在来自 {sources} 个来源的 {images} 张测试图片上，平均精度均值为 {value}（95 % 区间 {low} 至 {high}）：带某标签的图片全排在最前为 100 %，随机排序约为带该标签的比例。",
    "baseline-loses": "本网络不如简单基线：在同样的测试图片上，{name}的{measure}为 {value}，本网络为 {network}。",
    "baseline-not_shown": "尚无证据表明本网络优于简单基线：在同样的测试图片上，{name}的{measure}为 {value}，本网络为 {network}。",
    "baseline-beats": "简单基线中最好的是{name}，其{measure}为 {value}。",
    "baseline-largest_class": "总是回答“{answer}”",
    "baseline-features": "基于简单颜色与形状特征的回归",
    "baseline-plain_network": "八层卷积的普通网络",
    "baseline-prevalence": "各标签在图片中所占的比例",
    "optimised-accuracy": "优化目标：正确率。",
    "optimised-balanced": "优化目标：平衡正确率（各类别权重相同）。",
    "optimised-auroc": "优化目标：各类别 AUROC 的平均值。",
    "optimised-average_precision": "优化目标：平均精度的均值。",
    "optimised-cost": "优化目标：期望代价最小。",
    "measure-accuracy": "正确率",
    "measure-balanced_accuracy": "平衡正确率",
    "measure-average_precision": "平均精度均值",
    point: "概率达到 {threshold} 即判为“{label}”，以便至少找出 {share} 的此类图片。",
    token: "此服务器需要访问令牌。",
    open: "进入",
    "token-wrong": "令牌不正确。",
    choose: "选择图片",
    camera: "使用相机",
    hint: "也可以拖放或粘贴到这里",
    "one-case": "一起选择或拖入的图片属于同一病例：给出病例的结果",
    privacy: "图片只发送到本服务器，不会转发，也不会保存。",
    shoot: "拍照",
    leave: "关闭",
    "camera-refused": "无法使用相机（{why}）。",
    "not-files": "只能拖放图片文件；不会读取网址。",
    answers: "结果",
    csv: "保存为 CSV",
    clear: "全部移除",
    remove: "移除",
    again: "重新发送",
    waiting: "排队等候中……",
    answered: "{file}：{label}，{probability}。",
    "answered-labels": "{file}：{label}。",
    preview: "{file}",
    "no-preview": "浏览器无法显示此格式，但服务器已读取。",
    look: "显示网络关注的区域",
    "look-away": "只显示图片",
    looking: "请稍候……",
    mix: "热力图的不透明度",
    "heat-map": "红色：网络在此处找到了支持其答案的内容（类激活图）。",
    "heat-occlusion": "红色：遮住此处后，网络认为其答案的可能性降低（遮挡法）。",
    "heat-nowhere": "无论遮住图片的哪一部分，该答案的可能性都几乎不变（遮挡法）。",
    "heat-of": "{file}，红色为支持“{label}”的区域",
    most: "{n} 个类别中概率最高",
    "most-labels": "{label}，{n} 个标签中概率最高",
    "no-label": "没有任何标签",
    "may-have": "也可能有：{names}。连同这些，平均至多遗漏图片所带标签的 {missed}。",
    best: "概率最高的是：{label}",
    unsure: "把握不足，不作判断",
    abstain: "请交由人来判断。",
    "abstain-why": "在把握不高于此的情况下，网络出错过多。",
    "abstain-unknown": "无法判断网络的把握是否足以作答。",
    unlike: "与训练数据不同。",
    "unlike-why": "网络从未见过类似的图片，请勿依赖此结果。",
    "unlike-unknown": "无法判断此图片是否与训练数据相似。",
    decided: "按判定点（达到 {threshold} 即为“{positive}”）：{label}。",
    "decided-cost": "按各类错误的代价：{label}。",
    "case-of": "病例，共 {n} 张图片",
    "case-picture": "{file}：{why}",
    "case-too-large": "一个病例的图片过多，或合计过大。请减少图片。",
    "case-mean": "全部图片合为一个结果：取各概率的平均值。",
    "case-max": "全部图片合为一个结果：取各类别或标签的最高概率。",
    "case-vote": "全部图片合为一个结果：以多数图片的判断为准。",
    "case-number": "页首的数值针对单张图片。",
    "unlike-some": "{pictures} 张图片中有 {n} 张与训练数据不相似。",
    "unlike-some-why": "网络没有见过类似的图片。下面标明是哪几张。",
    set: "可能是其中之一：{names}。",
    "set-coverage": "可能是其中之一：{names}。这样的集合在至少 {coverage} 的情况下包含真实类别。",
    more: "另外 {n} 个类别",
    "more-labels": "另外 {n} 个标签",
    failed: "没有结果",
    empty: "文件是空的。请选择其他文件。",
    "code-wrong-content": "这个文件不是图片。",
    "code-unsupported-format": "此图片格式无法读取。请另存为 JPEG 或 PNG。",
    "code-heic-unsupported": "此服务器无法读取 HEIC 图片。请导出为 JPEG。",
    "code-decompression-bomb": "图片的像素过多。请缩小后再试。",
    "code-truncated": "文件不完整，图片后面的部分缺失。请重新复制。",
    "code-corrupt": "图片已损坏，无法解码。",
    "status-0": "服务器没有回应。它还在运行吗？",
    "status-400": "文件是空的。",
    "status-408": "图片传输时间过长。请缩小图片。",
    "status-413": "图片过大。请缩小后再试。",
    "status-413-bytes": "文件超过 {n} MB。请缩小后再试。",
    "status-415": "这不是可以读取的图片。",
    "status-422": "图片已损坏。",
    "status-503": "服务器正忙。请稍后再试。",
    "status-500": "服务器出错，请查看其日志。",
    "not-title": "这个数字不代表什么",
    "not-certainty": "在与测试图片相似的图片中，标为 80 % 的答案每 100 个应有约 80 个正确；实际相符程度见训练报告。对单张图片，它不是定论。",
    "not-certainty-labels": "在与测试图片相似的图片中，概率为 80 % 的标签每 100 个应有约 80 个正确。每个标签各有自己的概率，达到各自的阈值即给出。",
    "not-elsewhere": "它不适用于抽样之外的相机、地点或人群，也不是诊断。",
    "not-heat": "热力图只显示网络在哪里找到了支持其答案的内容，不说明原因，也不说明答案是否正确。",
    and: "、",
  },
};

const NARROW = "\u202f"; // a space that no line is broken at
const REMEMBERED = "groupwise-language";
let language = recall() ?? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

function recall() {
  try {
    const kept = localStorage.getItem(REMEMBERED);
    return kept in WORDS ? kept : null;
  } catch {
    return null; // storage may be forbidden
  }
}

/** The sentence of that name in the chosen language, or null where there is none. */
export function say(name, values = {}) {
  const sentence = WORDS[language][name];
  if (sentence === undefined) return null;
  return sentence.replaceAll(" %", `${NARROW}%`).replace(/\{(\w+)\}/g, (_, key) => values[key]);
}

/** A share from 0 to 1 in per cent; never 0 or 100, which a network cannot promise. */
export function percent(share) {
  if (share > 0.9995) return `>${NARROW}99.9${NARROW}%`;
  if (share < 0.0005) return `<${NARROW}0.1${NARROW}%`;
  return `${(100 * share).toFixed(1)}${NARROW}%`;
}

const ROUNDING = 1e-6; // of 1 - 0.975, which is 0.025000000000000022

/** A share that is promised at least, in per cent: rounded down, with a decimal where it is not whole. */
export function atLeast(share) {
  return `${Math.floor(1000 * share + ROUNDING) / 10}${NARROW}%`;
}

/** The same at most: rounded up. */
export function atMost(share) {
  return `${Math.ceil(1000 * share - ROUNDING) / 10}${NARROW}%`;
}

export function names(list) {
  return list.join(say("and"));
}

export function chooseLanguage(chosen) {
  language = chosen;
  try {
    localStorage.setItem(REMEMBERED, chosen);
  } catch {
    // then it holds for this visit
  }
}

/** Put the sentences into all elements below `root` that name one. */
export function fillIn(root = document) {
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  document.title = `${say("title")} · Groupwise`;
  for (const element of root.querySelectorAll("[data-words]")) element.textContent = say(element.dataset.words);
  for (const button of root.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === language));
  }
}
