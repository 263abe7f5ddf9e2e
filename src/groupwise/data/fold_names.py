"""Names that people give the parts of a ready split, and the fold that each of them means."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

TRAIN, VAL, TEST = "train", "val", "test"
UNLABELLED = "unlabelled"
"""Images to be answered, or not yet labelled: no fold, and no class either."""

_HELD_OUT = "held out"  # test, unless another folder is called so

_WORDS: dict[str, tuple[str, ...]] = {
    TRAIN: (
        *("train", "training", "trn", "tr", "trainval", "entrenamiento", "treino", "treinamento"),
        *("trainieren", "trainen", "traning", "trening", "treningowy", "traening", "egitim", "latih"),
        *("entrainement", "apprentissage", "addestramento", "обучение", "тренировка", "обучающая"),
        *("训练", "訓練", "训练集", "訓練集", "学習", "학습", "훈련"),
    ),
    VAL: (
        *("val", "valid", "validation", "validate", "validating", "dev", "development", "validierung"),
        *("validieren", "valideren", "validatie", "validering", "walidacja", "dogrulama", "validasi"),
        *("validacion", "validacao", "validazione", "валидация", "验证", "驗證", "验证集", "検証", "검증"),
    ),
    TEST: (
        *("test", "testing", "tst", "ts", "tests", "prueba", "pruebas", "teste", "prova", "тест"),
        *("testen", "testowy", "uji", "pengujian"),
        *("测试", "測試", "测试集", "テスト", "테스트", "시험"),
    ),
    _HELD_OUT: (
        *(
            "eval",
            "evaluation",
            "evaluate",
            "holdout",
            "heldout",
            "hold",
            "held",
            "benchmark",
            "query",
            "gallery",
        ),
        *("評価", "평가"),
    ),
    UNLABELLED: (
        *("unlabeled", "unlabelled", "nolabel", "nolabels", "unannotated", "untagged"),
        *("ungelabelt", "unbeschriftet", "unmarkiert", "未标注", "未標註", "未分类", "未分類"),
        *("pred", "prediction", "predictions", "predict", "inference", "submission"),
    ),
}
_FOLD_OF_WORD = {word: fold for fold, words in _WORDS.items() for word in words}
_ABBREVIATED = {"tr": TRAIN, "va": VAL, "vl": VAL, "te": TEST, "ts": TEST}
_SHORT = {"tr", "ts", "hold", "held", "tests"}  # only beside a word that says what is meant
# What stands beside the word without changing what is meant.
_NEUTRAL = frozenset(
    (  # noqa: SIM905  # shorter so
        "data dataset datasets set sets image images img imgs photo photos picture pictures pic pics"
        " sample samples split folder dir seg cls class classes classification part batch final new full"
        " all small resized cropped original raw labeled labelled out aug augmented clean the of a jpg"
        " jpeg png v public private daten sdaten bilder sbilder satz ssatz menge smenge datensatz"
        " bounding box boxes sdatensatz donnees imagenes datos dados veri verisi"
    ).split()
)
_NO_LABEL = re.compile(
    r"(no|not|without|un|to|to[\W_]*be|ohne)[\W_]*(label|annotat|class|tagg)[a-z]*", re.IGNORECASE
)
_MNIST_TEST = re.compile(r"t10k(?![^\W_]).*", re.IGNORECASE)
_NUMBERED = re.compile(r"(?:k?fold|cv|split|partition|subset)[\W_]*(\d{1,2})", re.IGNORECASE)


def fold_of_name(name: str) -> str | None:
    """The fold that a name means: train, val, test, `UNLABELLED`, fold-3 of a cross-validation, or None.

    `Training Data`, `seg_train`, `train2017`, `imagesTr`, `valid` and `test1` mean what they say; `Training
    of staff`, `protest` and `0` mean no fold.
    """
    fold = _read(name)
    return TEST if fold == _HELD_OUT else fold


def name_folds(names: Iterable[str]) -> dict[str, str]:
    """The folds that names standing side by side mean; those that mean none are left out.

    `eval` and `holdout` are the test fold, unless another is; then they validate. Words that all names of
    folds share say nothing, as in `pets_train` and `pets_test`; and `tr`, `va`, `te` mean folds where no
    other name stands beside them.
    """
    named = list(names)
    shared = _shared_words(named)
    read = {name: fold for name in named if (fold := _read(name, shared)) is not None}
    if not read and len(named) > 1 and all(name.casefold() in _ABBREVIATED for name in named):
        read = {name: _ABBREVIATED[name.casefold()] for name in named}
    taken = set(read.values())
    held_out = TEST if TEST not in taken else VAL
    return {name: held_out if fold == _HELD_OUT else fold for name, fold in read.items()}


def is_ready_split(folds: Collection[str]) -> bool:
    """Whether the folds that names mean, taken together, can only be those of a split."""
    kinds = set(folds)
    numbered = {fold for fold in kinds if fold.startswith("fold-")}
    return len(kinds & {TRAIN, VAL, TEST}) > 1 or len(numbered) > 1 or {TRAIN, UNLABELLED} <= kinds


def _shared_words(names: Collection[str]) -> frozenset[str]:
    """Words that every name with a fold in it holds, where there are several such."""
    words = [set(_split_words(unicodedata.normalize("NFKC", name))) for name in names]
    with_fold = [found for found in words if any(_read_word(word) for word in found - _SHORT)]
    if len(with_fold) < 2:
        return frozenset()
    return frozenset(word for word in set.intersection(*with_fold) if not _read_word(word))


def _read(name: str, neutral: frozenset[str] = frozenset()) -> str | None:
    text = unicodedata.normalize("NFKC", name).strip()
    if match := _NUMBERED.fullmatch(text):
        return f"fold-{int(match[1])}"
    if _MNIST_TEST.fullmatch(text):
        return TEST
    if _NO_LABEL.fullmatch(text):
        return UNLABELLED
    words = _split_words(text)
    found = ["" if word in neutral else _read_word(word) for word in words]
    kinds = {fold for fold in found if fold}
    if None in found or (len(words) == 1 and words[0] in _SHORT):
        return None
    if kinds == {TRAIN, VAL}:
        return TRAIN  # `train_val`: what may be learnt from, before the test
    return kinds.pop() if len(kinds) == 1 else None


def _split_words(text: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)  # trainImages
    plain = unicodedata.normalize("NFKD", spaced.casefold())
    kept = "".join(c for c in plain if not unicodedata.combining(c))
    return re.findall(r"[^\W\d_]+", unicodedata.normalize("NFC", kept))


def _read_word(word: str) -> str | None:
    """The fold that a word means, "" for a word that changes nothing, None for any other."""
    if word in _FOLD_OF_WORD:
        return _FOLD_OF_WORD[word]
    if word in _NEUTRAL:
        return ""
    for known, fold in _FOLD_OF_WORD.items():  # trainset, testdata
        if known in _SHORT:
            continue
        rest = word.removeprefix(known) if word.startswith(known) else word.removesuffix(known)
        if rest != word and rest in _NEUTRAL:
            return fold
    return None
