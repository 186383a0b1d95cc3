"""Fourier domain adaptation: the low frequencies' amplitudes become those of a target image.

Yang and Soatto, "FDA: Fourier Domain Adaptation for Semantic Segmentation", CVPR 2020,
arXiv:2004.05498. As there: channel by channel, the phase is kept.
"""

import cv2
import numpy as np

from vreid.data.images import ImageArray


def fourier_adapt(image: ImageArray, target: ImageArray, *, beta: float) -> ImageArray:
    """Exchange the amplitudes of low frequencies.

    Args:
        image: (H, W, 3).
        target: (h, w, 3), resized to the image's size first.
        beta: Half the window's side as a share of the shorter side of the image, in [0, 0.5]: the
            amplitudes of ``floor(beta · min(H, W))`` frequencies to each side of 0 are exchanged.
            Where that is 0, only each channel's mean is. The paper takes 0.01 to 0.09 of
            street scenes; a crop filled by one vehicle gets coloured ghosts of the target
            vehicle from 0.05 on.

    Returns:
        (H, W, 3), clipped to bytes.
    """
    height, width = image.shape[:2]
    if target.shape != image.shape:
        shrinks = target.shape[0] * target.shape[1] > height * width
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        target = np.asarray(cv2.resize(target, (width, height), interpolation=how), np.uint8)
    spectrum = np.fft.fft2(image, axes=(0, 1))  # (H, W, 3)
    amplitudes = np.abs(np.fft.fft2(target, axes=(0, 1)))
    reach = int(beta * min(height, width))
    rows, columns = (np.abs(np.fft.fftfreq(n, 1 / n)) <= reach + 0.5 for n in (height, width))
    window = np.ix_(rows, columns)
    spectrum[window] = amplitudes[window] * np.exp(1j * np.angle(spectrum[window]))
    adapted = np.real(np.fft.ifft2(spectrum, axes=(0, 1)))
    return np.clip(np.rint(adapted), 0, 255).astype(np.uint8)
