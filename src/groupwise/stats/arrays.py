"""The arrays that most modules pass to one another, named by what they hold."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Matrix = npt.NDArray[np.float64]  # that takes the places of one image to those of another
Mask = npt.NDArray[np.bool_]
Pixels = npt.NDArray[np.uint8]
Reals = npt.NDArray[np.floating]
