"""Names of columns as people write them: of paths, classes, groups, folds and of what else a table says."""

from __future__ import annotations

import re
import unicodedata

from groupwise.data.fold_names import name_folds

# In the order in which they are looked for; compared without case, accents, blanks, hyphens and underscores.
PATH_NAMES = (  # noqa: SIM905  # shorter so
    "path filename filepath file image imagepath imagefile imagefilename imagename imgpath img imgname"
    " imageid imageindex idcode imgid photo picture fname isicid sourceref uri url gcsuri name id"
    " pfad datei dateiname bild bildname fichier chemin nomfichier archivo ruta fichero imagen nombrearchivo"
    " 路径 文件 文件名 图片 图片名 图像 图像名 ファイル名 画像"
).split()
LABEL_NAMES = (  # noqa: SIM905  # shorter so
    "label class labels category classname labelname target diagnosis dx choice classification"
    " categoryname classid labelid species breed grade finding findinglabels condition y labellabel"
    " klasse etikett kategorie diagnose classe etiquette categorie diagnostic clase etiqueta categoria"
    " diagnostico 标签 类别 分类 诊断 クラス 分類"
).split()
# Whom or what several images may show, or what they were taken with, in the languages of the page.
_GROUPS = frozenset(
    (  # noqa: SIM905  # shorter so
        # English
        "patient subject person participant student pupil child volunteer proband sender user author"
        " owner donor uploader photographer annotator observer lesion animal individual specimen"
        " mouse cage litter colony tank slide case session sequence seq video clip burst visit study"
        " series encounter admission exam examination accession mrn pid ptid recording studyinstance"
        " seriesinstance frameofreference deviceserial institution institute camera device scanner"
        " site hospital clinic centre center station scene location place plot field farm orchard"
        " tree plant plate well culture replicate passage sample batch lot part source group family"
        " household serial barcode track trajectory tracklet shot film flight transect quadrat"
        " mission wafer panel block county pat operator technician experiment trial nest eartag"
        " cellline lens gps geohash date day photoset"
        # German
        " patientin patienten probandin probanden teilnehmer teilnehmerin schuler tier praparat fall"
        " objekttrager sitzung aufnahmeserie sequenz serie untersuchung klinik standort krankenhaus"
        " ort zentrum charge los seriennummer probe baum pflanze platte kamera gerat einsender"
        " absender haushalt familie gruppe quelle lasion praeparat objekttraeger schueler geraet"
        " laesion nutzer datum bediener benutzer besitzer halter spender hersteller betrieb parzelle"
        # French
        " sujet personne etudiant eleve expediteur individu echantillon lame cas seance etude examen"
        " visite hopital clinique lieu parcelle arbre plante plaque puits appareil famille foyer"
        " groupe auteur utilisateur donneur proprietaire operateur numerodeserie dossier lotissement"
        " animaux"
        # Spanish
        " paciente sujeto persona participante estudiante alumno remitente individuo especimen"
        " muestra portaobjetos laminilla caso sesion secuencia estudio clinica centro sitio lugar"
        " parcela arbol planta placa pozo lote visita camara dispositivo familia hogar grupo fuente"
        " autor usuario donante propietario finca fecha operador historiaclinica expediente"
        # Chinese
        " 患者 病人 受试者 受試者 被试 参与者 病例 个体 個體 动物 動物 学生 學生 样本 樣本 标本 標本"
        " 切片 玻片 序列 视频 影片 检查 檢查 就诊 医院 醫院 站点 地点 地點 中心 批次 批 孔板 植株"
        " 相机 相機 设备 設備 机构 機構 家庭 组 組 分组 来源 來源 作者 用户 用戶 病灶 住院 门诊 病历"
        " 病歷 会话 日期 操作员"
    ).split()
)
# Of several columns of groups those are named first that say whom the images show.
_SUBJECTS = frozenset(
    (  # noqa: SIM905  # shorter so
        "patient subject person participant student animal individual donor proband volunteer mrn pid ptid"
        " pat patientin patienten probandin probanden teilnehmer tier schuler sujet personne"
        " individu paciente sujeto persona participante individuo animaux 患者 病人 受试者 受試者 被试"
        " 个体 個體 动物 動物"
    ).split()
)
# What stands beside such a word without changing what is meant.
_BESIDE = frozenset(
    (  # noqa: SIM905  # shorter so
        "id ids no nr num number nummer numero code uid uuid key hash hashed name index idx ref identifier"
        " kennung anon anonymized anonymous deid of de du del des der la le the n src pseudonym"
        " codigo acquisition capture captured collection sampling filming shooting visit by ear cell tag line"
        " 编号 編號 号 號 号码 编码 代码 名称 名"
    ).split()
)
# Of these an identifier is one of pictures or classes.
_NO_ENTITY = frozenset(
    (  # noqa: SIM905  # shorter so
        "image img photo picture file frame row record class label category species breed type annotation"
        " bbox box task license color colour font taxon object product instance target index"
    ).split()
)
_IDENTIFIERS = frozenset(["id", "uid", "uuid", "guid"])
# A column of one of these may hold folds by any word for them, or by numbers.
_FOLD_WORDS = frozenset(
    (  # noqa: SIM905  # shorter so
        "split fold subset set partition evalpartition mluse givenfold datasplit kfold cv folds splits"
        " partitions cvid xval xfold tvt crossval crossvalidation outer inner falte teilmenge pli partie"
        " sousensemble particion pliegue subconjunto 划分 折 折数"
    ).split()
)
# A column of one of these holds folds only where words such as train and test stand in it.
_USE_WORDS = frozenset(
    "phase usage dataset stage purpose role traintest trainvaltest aufteilung datensatz conjunto".split()  # noqa: SIM905
)
_FLAGS = frozenset("istrain istest isval isvalid".split())  # noqa: SIM905  # as above
# What is said of a picture and is no class of it, where a table has one column of 0 and 1 a class.
_FURTHER = frozenset(
    (  # noqa: SIM905  # shorter so
        "sex gender age augmented isaugmented hasmask isduplicate duplicate issynthetic synthetic reviewed"
    ).split()
)
# A column of 0 and 1 that is called so may say that an image has not the class of its row.
_PRESENCE = frozenset(
    "value confidence present presence exists positive isset score vote answer wert present".split()  # noqa: SIM905
)


def plain_name(column: str) -> str:
    """A column's name without what people write differently."""
    return "".join(character for character in _fold(column) if character.isalnum())


def names_group(column: str) -> bool:
    """Whether a column is called as what several images may share: `Patient ID`, `numero_patient`, `批次`."""
    plain = plain_name(column)
    if plain in _GROUPS or _without_affixes(plain) in _GROUPS:
        return True
    words = _words(column)
    if len(words) > 1 and words[-1] in _IDENTIFIERS and _NO_ENTITY.isdisjoint(words):
        return True  # bird_id, nestId: of whatever kind, several images may show it
    return bool(_GROUPS.intersection(words)) and all(word in _GROUPS or word in _BESIDE for word in words)


def names_subject(column: str) -> bool:
    """Whether a column of groups is called by whom the images show: `patient_id`, not `hospital`."""
    found = {plain_name(column), _without_affixes(plain_name(column)), *_words(column)}
    return not _SUBJECTS.isdisjoint(found)


def is_group_word(column: str) -> bool:
    """Whether a column is called by the mere noun, which may as well be the name of a class: `person`."""
    return plain_name(column) in _GROUPS


def names_folds(column: str) -> bool:
    """Whether a column is called as one of folds: `fold_nr`, `CV`, `Partition`, `kfold5`, `outer fold`."""
    words = [re.sub(r"\d+$", "", word) for word in _words(column)]
    beside = [word for word in words if word and word not in _BESIDE and word not in ("k", "given", "data")]
    return plain_name(column) in _FOLD_WORDS or (bool(beside) and all(w in _FOLD_WORDS for w in beside))


def names_use(column: str) -> bool:
    """Whether a column is called as one that may say what an image is for, as folds or as something else."""
    return names_folds(column) or plain_name(column) in _USE_WORDS | _FLAGS


def names_presence(column: str) -> bool:
    """Whether a column of 0 and 1 may say which rows hold: `value` of a melted table, `Confidence`."""
    return plain_name(column) in _PRESENCE


def says_further(column: str) -> bool:
    """Whether a column of 0 and 1 is called as a group, a fold or a property, and not as a class."""
    known = names_group(column) or names_use(column) or plain_name(column) in _FURTHER
    return known or bool(name_folds([column, column.casefold().removeprefix("is")]))


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in plain if not unicodedata.combining(character))


def _words(column: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", column)  # patientId
    return re.findall(r"[^\W_]+", _fold(spaced))


def _without_affixes(plain: str) -> str:
    """`patientid`, `idpaciente` and `患者编号` without what stands before or behind the noun."""
    for word in sorted(_BESIDE, key=len, reverse=True):
        if len(word) > 1 or not word.isascii():
            for rest in (plain.removesuffix(word), plain.removeprefix(word)):
                if rest != plain and rest in _GROUPS:
                    return rest
    return plain
