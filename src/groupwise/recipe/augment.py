"""Knobs of augmentation: how far training images may be changed."""

from __future__ import annotations

from dataclasses import dataclass

from groupwise.errors import UsageError, require_numbers


@dataclass(frozen=True)
class AugmentConfig:
    """How far training images may be changed; the zeros and ones of the defaults change nothing.

    Args:
        flip: Probability of a horizontal mirror image.
        alternate_flip: Mirror each image in every second epoch instead (Jordan 2024, arXiv 2404.00498).
        rotate_degrees: Largest rotation to either side.
        zoom: Smallest visible share of the side; 0.8 magnifies up to 1.25 times.
        shift: Largest shift to each side, as a share of the side.
        crop: Side of the random square that training sees, as a share of the side. It is not magnified, so
            things have the size that they will have in use, nothing is blurred, and a step takes `crop`
            squared of the time; answers are for whole images.
        brightness: Largest relative change of brightness.
        contrast: Largest relative change of contrast.
        saturation: Largest relative change of saturation.
        erase: Probability that a rectangle of a tenth to a third of the side is blanked (Zhong et al. 2017).
        trivial: Change each image by one more operation at random (TrivialAugment, arXiv 2103.10158).
        mixup: Alpha of the Beta distribution by which two images are faded into one; 0 is none, 0.2 usual.
        cutmix: Alpha of the same for the area of a pasted rectangle; 0 is none, 1 usual.
        mix_share: Share of the images that are mixed; the others stay whole.
        mix_until: Share of training from which images are no longer mixed, so that it ends on whole ones.
    """

    flip: float = 0.0
    alternate_flip: bool = False
    rotate_degrees: float = 0.0
    zoom: float = 1.0
    shift: float = 0.0
    crop: float = 1.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    erase: float = 0.0
    trivial: bool = False
    mixup: float = 0.0
    cutmix: float = 0.0
    mix_share: float = 1.0
    mix_until: float = 1.0

    def __post_init__(self) -> None:
        require_numbers(self, "augment")
        shares = {name: getattr(self, name) for name in ("flip", "shift", "erase", "mix_share", "mix_until")}
        shares |= {name: getattr(self, name) for name in ("brightness", "contrast", "saturation")}
        for name, value in shares.items():
            if not 0 <= value <= 1:
                raise UsageError(
                    f"{value} is not between 0 and 1", place=f"augment.{name}", remedy="Give a share."
                )
        if self.shift == 1:
            raise UsageError(
                "would move the whole image away", place="augment.shift", remedy="Give a share below 1."
            )
        for name in ("mixup", "cutmix"):
            if getattr(self, name) < 0:
                raise UsageError(
                    f"{getattr(self, name)} is negative", place=f"augment.{name}", remedy="0 is none."
                )
        if self.alternate_flip and self.flip:
            raise UsageError(
                f"mirrors already at random, with probability {self.flip}",
                place="augment.flip",
                remedy="Set it to 0 beside augment.alternate_flip.",
            )
        for name in ("zoom", "crop"):
            if not 0 < getattr(self, name) <= 1:
                raise UsageError(
                    f"{getattr(self, name)} is not above 0 and at most 1",
                    place=f"augment.{name}",
                    remedy="1 shows the whole image.",
                )
        if not 0 <= self.rotate_degrees <= 180:
            raise UsageError(
                f"{self.rotate_degrees} is not between 0 and 180",
                place="augment.rotate_degrees",
                remedy="0 is no rotation.",
            )

    @property
    def mixes(self) -> bool:
        """Whether images are mixed with one another."""
        return bool(self.mixup or self.cutmix)

    @property
    def moves(self) -> bool:
        """Whether pixels change place."""
        return bool(self.flip or self.alternate_flip or self.shift or self.crop < 1 or self.turns)

    @property
    def turns(self) -> bool:
        """Whether pixels come to lie between others, so that they have to be interpolated."""
        return bool(self.rotate_degrees or self.zoom < 1)
