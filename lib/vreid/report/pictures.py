"""Small pictures for the page: fit into a square, frame, encode."""

import cv2
import numpy as np

from vreid.data.images import ImageArray, resize

BACKGROUND = 128  # grey of the bars beside a picture that is not square


def fit(picture: ImageArray, size: int) -> ImageArray:
    """Scale a picture into a (size, size, 3) square, whole and in its proportions, on grey."""
    height, width = picture.shape[:2]
    longest = max(height, width)
    new_height, new_width = (max(1, round(side * size / longest)) for side in (height, width))
    top, left = (size - new_height) // 2, (size - new_width) // 2
    square = np.full((size, size, 3), BACKGROUND, dtype=np.uint8)
    plain = np.array(picture, order="C")  # views, mirrored or read-only ones too, are welcome here
    square[top : top + new_height, left : left + new_width] = resize(plain, (new_height, new_width))
    return square


def framed(picture: ImageArray, color: tuple[int, int, int], *, width: int) -> ImageArray:
    """Put a frame of one colour (red, green, blue) around a picture; it grows by 2 x width."""
    height, length = picture.shape[:2]
    canvas = np.empty((height + 2 * width, length + 2 * width, 3), dtype=np.uint8)
    canvas[:] = color
    canvas[width : width + height, width : width + length] = picture
    return canvas


def encode_jpeg(picture: ImageArray, *, quality: int = 88) -> bytes:
    """Encode a picture as JPEG with full colour resolution, which keeps thin frames clean."""
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    done, data = cv2.imencode(".jpg", np.ascontiguousarray(picture[:, :, ::-1]), options)
    assert done
    return data.tobytes()
