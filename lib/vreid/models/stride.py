"""Keep the resolution of a network's last stage: the "last stride 1" of re-identification.

Sun et al., "Beyond Part Models: Person Retrieval with Refined Part Pooling", ECCV 2018,
arXiv:1711.09349. timm's ``output_stride`` dilates the convolutions that follow; here, as in the
paper, the stride is taken away and nothing else changes, so pretrained weights fit as they are.
"""

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from vreid.errors import ConfigError


def keep_last_resolution(net: nn.Module, images: Tensor, *, name: str) -> None:
    """Take the stride out of whatever halves the map for the last time.

    The layers are found by watching one forward pass, so the rule holds for every family: a strided
    convolution (a Bottleneck's ``conv2``, a BasicBlock's ``conv1``, a shortcut, a depthwise one)
    gets stride 1; a pooling layer (of an average-pooled shortcut, an anti-aliased block, a
    transition) becomes the identity.

    Args:
        net: A timm network in evaluation mode with ``forward_features``.
        images: (1, 3, H, W) to try it on; the map before must have even sides.
        name: The network's name for the message.

    Raises:
        ConfigError: When the network shrinks its map in another way, as most transformers do.
    """
    try:
        before, halving = _find_halving(net, images)
        if not halving:
            raise RuntimeError("none of its layers halves the map it ends in")
        for path in halving:
            _take_stride(net, path)
        after = _map_size(net, images)
    except (RuntimeError, TypeError, AssertionError) as error:
        raise _refusal(name, str(error)) from None
    if after != (2 * before[0], 2 * before[1]):
        raise _refusal(name, f"its map stays at {after[0]}x{after[1]}")


def _find_halving(net: nn.Module, images: Tensor) -> tuple[tuple[int, int], list[str]]:
    """Size of the final map, and the paths of the layers that bring twice that size down to it."""
    sizes: dict[str, tuple[torch.Size, torch.Size]] = {}
    hooks = [
        _watch(module, path, sizes)
        for path, module in net.named_modules()
        if not any(True for _ in module.children())
    ]
    try:
        height, width = _map_size(net, images)
    finally:
        for hook in hooks:
            hook.remove()
    return (height, width), [
        path
        for path, (entering, leaving) in sizes.items()
        if leaving[2:] == (height, width) and entering[2:] == (2 * height, 2 * width)
    ]


def _watch(
    module: nn.Module, path: str, sizes: dict[str, tuple[torch.Size, torch.Size]]
) -> RemovableHandle:
    def note(_: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        entering = inputs[0] if inputs else None
        if not (isinstance(entering, Tensor) and isinstance(output, Tensor)):
            return
        if entering.ndim == output.ndim == 4:
            sizes[path] = (entering.shape, output.shape)

    return module.register_forward_hook(note)


def _take_stride(net: nn.Module, path: str) -> None:
    module = net.get_submodule(path)
    if isinstance(module, nn.Conv2d):
        if any(side % 2 == 0 for side in module.kernel_size):
            raise RuntimeError(f"{path} is a convolution of {module.kernel_size}, an even size")
        module.stride = (1, 1)
        return
    if any(True for _ in module.parameters()):
        raise RuntimeError(f"{path} is a {type(module).__name__}")
    parent, _, child = path.rpartition(".")
    setattr(net.get_submodule(parent), child, nn.Identity())


def _map_size(net: nn.Module, images: Tensor) -> tuple[int, int]:
    with torch.no_grad():
        maps = net.forward_features(images)  # type: ignore[operator]
    if not isinstance(maps, Tensor) or maps.ndim != 4:
        raise RuntimeError("it gives tokens, not a map")
    return maps.shape[2], maps.shape[3]


def _refusal(name: str, reason: str) -> ConfigError:
    return ConfigError(
        f"{name}: the last stride cannot be set to 1 ({reason}); set model.last_stride 2, or take a"
        " network whose last stage shrinks by a convolution of odd size, such as resnet50,"
        " resnext101_32x4d, efficientnet_b0 or mobilenetv2_100"
    )
