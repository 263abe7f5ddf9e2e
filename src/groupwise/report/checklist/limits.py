"""What a run knows of where its network fails, as answers to the checklist."""

from __future__ import annotations

from groupwise.report.checklist.answer import ChecklistAnswer, confirm, filled, yours
from groupwise.report.words import share_interval, share_text
from groupwise.runs.files import RunFiles
from groupwise.text import count, verb


def slices(files: RunFiles) -> ChecklistAnswer:
    """Which columns were compared."""
    columns = [column["column"] for column in files.slices.get("columns", ())]
    if not columns:
        if files.skipped_columns:
            return yours(
                "No column of the data could be compared, for the reasons that the report names. Give another"
                " column in the CSV, such as a site."
            )
        if files.further_columns:
            return yours(f"`groupwise slices RUN` compares by {', '.join(files.further_columns)}.")
        return yours("Give such columns in the CSV, and run `groupwise slices RUN`.")
    return confirm(f"Accuracy by {', '.join(columns)}, above. Say which other differences matter.")


def robustness(files: RunFiles) -> ChecklistAnswer:
    """Which corruptions were tried."""
    if not files.robustness:
        return yours(f"`groupwise robustness {files.single}` measures it.")
    return filled(f"Accuracy under {', '.join(files.robustness['corruptions'])} in five steps each, above.")


def explanation(files: RunFiles) -> ChecklistAnswer:
    """Maps are shown; whether they make sense, only a person sees."""
    if not files.heat_maps:
        return yours(f"`groupwise explain {files.single}` draws heat maps.")
    return confirm("Heat maps (Grad-CAM), above. Say whether they rest on what should matter.")


def elsewhere(files: RunFiles) -> ChecklistAnswer:
    """Each set of new data; whether it stands for the places that are meant, only a person knows."""
    if not files.external:
        return yours("`groupwise evaluate RUN --external NEW` measures it on labelled images from elsewhere.")
    told = []
    for one in files.external:
        interval = f" ({share_interval(one.number)})" if one.number.has_interval else ""
        what = "mean average precision" if one.measure == "average_precision" else "right"
        told.append(f"{one.name}: {share_text(one.number)} {what}{interval} of {one.number.n:,} images")
    return confirm(f"{'; '.join(told)}. Say where those images come from.")


def mistakes(files: RunFiles) -> ChecklistAnswer:
    """They are shown; what they have in common, only a person sees."""
    wrong = [
        row for row in files.predictions if row["fold"] == files.fold and row["label"] != row["predicted"]
    ]
    if not files.predictions:
        return yours("The run has no predictions.csv.")
    if not wrong:
        return filled(f"No image of the fold {files.fold} was taken for another class.")
    if files.several:
        shown = f"`groupwise explain {files.single}` shows the worst"
        return confirm(
            f"{count(len(wrong), 'image')} have a label too many or too few; {shown}. Look at them."
        )
    were = verb(len(wrong), "was", "were")
    return confirm(f"{count(len(wrong), 'image')} {were} wrong; the worst are above. Look at them.")


def poor_input(files: RunFiles) -> ChecklistAnswer:
    """What the software refuses and marks; what the site does then is for a person to say."""
    unlike = files.metrics[files.fold].get("unlike")
    marked = "" if not unlike or "reason" in unlike else " Pictures unlike those of training are marked."
    return confirm(
        f"A file that cannot be read, or not as those of training were, is refused by name.{marked}"
        " Say what is done with them then."
    )
