"""The shapes of what the server says, from which its OpenAPI description is made."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from groupwise.inference.heatmaps import HeatMethod

Probability = Annotated[float, Field(ge=0, le=1)]


class NoteOut(BaseModel):
    """What was not taken from the file as it stands, such as a colour profile or more than 8 bits."""

    code: str = Field(description="The kind of note, in one word, as `groupwise scan` says it.")
    fact: str


class PredictionOut(BaseModel):
    """What is said of one picture."""

    label: str = Field(description="The most probable class.")
    probability: Probability
    probabilities: dict[str, Probability] = Field(description="Calibrated probability of every class.")
    prediction_set: list[str] | None = Field(
        description="The classes that it may be; null where no set can be promised."
    )
    abstain: bool | None = Field(
        description="The network is not sure enough to answer; null where no rule can tell."
    )
    unlike: bool | None = Field(
        description="The picture is unlike the training data; null where that cannot be told."
    )
    decided: str = Field(description="The class by the operating point or the costs where set, else `label`.")
    heat: list[list[Probability]] | None = Field(
        description="With `heat=1`: what spoke for `label`, 0 to 1, rows from the top, over the input."
    )


class LabelsOut(PredictionOut):
    """What is said of a picture that may have several labels; `label` and `decided` are the set in one."""

    labels: list[str] = Field(description="The labels that it is given, none perhaps, most probable first.")


class LabelsWithNotesOut(LabelsOut):
    """The same of a picture of which scanning would note something."""

    remarks: list[NoteOut]


class PredictionWithNotesOut(PredictionOut):
    """What is said of a picture of which scanning would note something."""

    remarks: list[NoteOut]


class CaseOut(BaseModel):
    """What is said of several pictures of one case."""

    label: str = Field(description="The most probable class; of several labels, their set in one.")
    probability: Probability
    probabilities: dict[str, Probability] = Field(description="Probability of every class for the case.")
    pictures: int
    unlike: int | None = Field(
        description="How many of them are unlike the training data; null where that cannot be told."
    )
    rule: str = Field(description="How the pictures were made one answer: mean, max or vote.")
    answers: list[LabelsWithNotesOut | LabelsOut | PredictionWithNotesOut | PredictionOut] = Field(
        description="What is said of each picture, in the order in which they were sent."
    )


class LabelsOfCaseOut(CaseOut):
    """The same of a case that may have several labels."""

    labels: list[str] = Field(description="The labels that it is given, none perhaps, most probable first.")


class NumberOut(BaseModel):
    """What the network has on test images, with its 95 % interval."""

    value: Probability
    low: Probability
    high: Probability
    n: int
    sources: int = Field(description="How many independent sources the images came from.")


class LeadOut(BaseModel):
    """The network's figure less that of the baseline, with its paired 95 % interval."""

    value: float
    low: float | None
    high: float | None
    reason: str | None = Field(description="Why there is no interval.")


class BaselineOut(BaseModel):
    """The trivial model that the network is compared with, on the same test images."""

    name: str = Field(description="largest_class, prevalence, features or plain_network.")
    answer: str | None = Field(description="The class that the largest class's rule always answers.")
    measure: str
    standing: str = Field(description="beats, not_shown or loses: whether the network is better.")
    value: Probability
    network: Probability
    lead: LeadOut


class OperatingPointOut(BaseModel):
    """The class that is said from another probability on than the highest."""

    label: str
    threshold: Probability
    sensitivity: Probability = Field(description="The share of its images that is found at least.")


class ModelOut(BaseModel):
    """What the page needs to know of the model."""

    name: str | None = Field(description="The run that it comes from.")
    classes: list[str]
    several: bool = Field(description="Whether a picture may have several of them, each by itself.")
    image_size_px: int
    resize: str = Field(description="How a picture becomes a square: squash, crop or pad.")
    coverage: Probability | None = Field(
        description="How often a prediction set holds the true class; of several labels the share of a"
        " picture's labels that it holds, on average."
    )
    operating_point: OperatingPointOut | None
    heat: HeatMethod = Field(description="How heat maps are made.")
    case_rule: str = Field(description="How pictures of a case are made one answer: mean, max or vote.")
    accuracy: NumberOut | None = Field(description="The share classified correctly; null of several labels.")
    average_precision: NumberOut | None = Field(
        description="Of several labels the mean average precision; else null."
    )
    baseline: BaselineOut | None
    optimised_for: str | None = Field(
        description="accuracy, balanced, auroc, average_precision or cost; null of an older bundle."
    )
    max_body_bytes: int
    max_pixels: int


class StatusOut(BaseModel):
    """Whether the server is well."""

    status: str


class ErrorOut(BaseModel):
    """Why there is no answer, and what to do about it."""

    fact: str
    remedy: str
    code: str | None = Field(description="Why a picture was refused, in one word; else null.")


WORDS = {
    400: "The request is not what it should be.",
    401: "The token is missing or wrong.",
    403: "The request comes from a page of another site.",
    404: "There is nothing at this path.",
    405: "The path does not take this method.",
    408: "The picture took too long to arrive.",
    413: "The file or the picture is too large.",
    415: "It is not an image that can be read.",
    421: "The server does not go by this name.",
    422: "The image is damaged, or the query cannot be understood.",
    503: "Too many pictures at once, or the server is stopping; see Retry-After.",
}
PICTURE = {
    "requestBody": {
        "required": True,
        "description": "The bytes of one image file, not a form; whatever else its Content-Type says.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
CASE = {
    "requestBody": {
        "required": True,
        "description": "A form with the pictures of one case, each as a file; the names do not matter.",
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "picture": {"type": "array", "items": {"type": "string", "format": "binary"}}
                    },
                    "required": ["picture"],
                }
            }
        },
    }
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """FastAPI's description of the responses of these statuses."""
    return {status: {"model": ErrorOut, "description": WORDS[status]} for status in statuses}
