"""Resizing of images before a network, where a publication pastes its trigger first."""

from typing import Any

from art.preprocessing.preprocessing import PreprocessorPyTorch
from torch import Tensor
from torch.nn.functional import interpolate


class Resizing(PreprocessorPyTorch):
    """Bring images to another side, in training and in prediction; ART's own class needs OpenCV.

    Args:
        side: Height and width afterwards, pixels.
    """

    params = ("side",)

    def __init__(self, side: int) -> None:
        super().__init__(is_fitted=True, apply_fit=True, apply_predict=True)
        self.side = side

    def forward(self, x: Tensor, y: Any = None) -> tuple[Tensor, Any]:
        """Images (N, C, H, W) by bilinear interpolation, without aliasing where they shrink."""
        size = (self.side, self.side)
        return interpolate(x, size, mode="bilinear", align_corners=False, antialias=True), y
