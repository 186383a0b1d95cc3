"""The fingerprint of a list of images: changes when an image, a name, a label or the order does."""

import hashlib
from collections.abc import Sequence

from vreid.data.sample import Sample
from vreid.errors import DataError
from vreid.files import hash_file


def fingerprint(samples: Sequence[Sample]) -> str:
    """SHA-256 in hexadecimal over names, identities, cameras, tracks and the images' bytes.

    Raises:
        DataError: When an image is missing.
    """
    digest = hashlib.sha256()
    for sample in samples:
        try:
            content = hash_file(sample.path)
        except OSError as error:
            raise DataError(f"{sample.path}: the image cannot be read ({error.strerror})") from None
        line = f"{sample.name} {sample.pid} {sample.camid} {sample.trackid} {content}\n"
        digest.update(line.encode())
    return digest.hexdigest()
