"""The training settings that were published for five systems, option by option.

From their papers and their code, as the recipes must have them whatever the defaults become.
"""

from collections.abc import Mapping
from textwrap import dedent
from typing import Any

import yaml

from vreid.config_tree import flatten

Settings = Mapping[str, Any]  # dotted names of options


def _layer(text: str) -> dict[str, Any]:
    return flatten(yaml.safe_load(dedent(text)))


CYBERCORE = _layer(
    """
    data: {dataset: cityflow, root: data/aicity21, holdout: 0.18}
    input: {size: [320, 320], flip: 0.5, pad: 10, patch: 0.25, jitter: 0.25, brightness: 0.2,
      contrast: 0.15, saturation: 0.0, hue: 0.0, augmix: 0.25, blur: 0.25, erasing: 0.5,
      erasing_max: 0.4, erasing_fill: mean, zoom: 0.0, perspective: 0.0, rotation: 0.0}
    model: {ibn: true, last_stride: 1, pooling: gem, gem_p: 3.0, gem_learned: false, groups: 32,
      group_dim: 0, gate_dim: 256, neck: bn, neck_shift: false, retrieval_feat: feat_bn,
      classifier_bias: false, mixstyle_prob: 0.5, mixstyle_alpha: 0.1}
    loss: {id_weight: 1.0, smoothing: 0.1, metric_feat: feat_bn, balance: malw,
      malw_interval: 500, malw_momentum: 0.9}
    solver: {optimizer: adam, base_lr: 3.5e-4, backbone_lr_factor: 1.0,
      classifier_lr_factor: 1.0, bias_lr_factor: 1.0, weight_decay: 1.0e-6, decay_all: true,
      max_epochs: 12, schedule: cosine_step, warmup_epochs: 0.0, num_instance: 8, average: none,
      clip_norm: 0.0}
    test: {protocol: aicity, flip: true}
    fusion: {orientation: 0.1, camera: 0.1}
    rerank: {enabled: true, k1: 50, k2: 15, lambda_: 0.5}
    """
)
PAPER = _layer(
    """
    loss: {id: softmax, metric: supcon, supcon_weight: 1.0, temperature: 0.07}
    model: {backbone: resnext101_32x4d.gluon_in1k, mixstyle: halves}
    solver: {ims_per_batch: 128, freeze_epochs: 1, sampler: domains, synthetic_share: 0.5}
    """
)
RELEASED = _layer(
    """
    loss: {id: circle, id_scale: 64.0, id_margin: 0.35, metric: triplet, margin: 0.3,
      mining: batch_hard, triplet_weight: 1.0}
    model: {backbone: resnext101_32x4d.gluon_in1k, mixstyle: shuffle}
    solver: {ims_per_batch: 32, freeze_epochs: 0, sampler: pk}
    """
)
ORIENTATION = _layer(
    """
    data: {dataset: vehiclex, images: sys_image_train, holdout: 0.03}
    input: {flip: 0.0}
    model: {groups: 0, mixstyle: none}
    loss: {id: softmax, metric: none, balance: fixed}
    solver: {sampler: shuffle, ims_per_batch: 32, freeze_epochs: 1}
    test: {flip: false}
    """
)
CAMERA = _layer(
    """
    model: {groups: 0, mixstyle: none}
    solver: {sampler: pk, ims_per_batch: 32, num_instance: 8, freeze_epochs: 1}
    loss: {id: circle, id_scale: 64.0, id_margin: 0.35, metric: triplet, margin: 0.3,
      mining: batch_hard, triplet_weight: 1.0}
    """
)
V2REID = _layer(
    """
    data: {dataset: veri776, root: data/VeRi}
    input: {size: [224, 224], flip: 0.5, pad: 10, patch: 0.0, jitter: 0.0, perspective: 0.0,
      perspective_scale: 0.1, zoom: 0.0, augmix: 0.0, blur: 0.0, erasing: 0.5,
      erasing_max: 0.333, erasing_fill: pixel}
    model: {backbone: volo_d1_224, last_stride: 2, patch_stride: 0, drop_path: 0.0,
      token_dropout: 0.0, attention_dropout: 0.0, side_cameras: 0, pooling: token, neck: none,
      classifier_bias: true, retrieval_feat: feat}
    loss: {id: softmax, id_weight: 1.0, smoothing: 0.0, metric: triplet, metric_feat: feat,
      triplet_weight: 1.0, margin: 0.3, mining: batch_hard, center_weight: 5.0e-4,
      center_lr: 0.5, balance: fixed}
    solver: {optimizer: sgd, base_lr: 3.0e-4, momentum: 0.9, nesterov: false,
      bias_lr_factor: 1.0, classifier_lr_factor: 1.0, weight_decay: 5.0e-4, decay_all: true,
      max_epochs: 300, schedule: cosine, warmup_epochs: 10.0, warmup_factor: 0.01,
      final_factor: 0.002, ims_per_batch: 256, num_instance: 16, seed: 1234}
    test: {protocol: market, flip: false, checkpoint: last}
    rerank: {enabled: false}
    """
)
SANFILIPPO = _layer(
    """
    data: {dataset: vru, root: data/VRU, test_size: small}
    input: {size: [256, 128], flip: 0.5, pad: 0, patch: 0.0, jitter: 1.0, brightness: 0.1,
      contrast: 0.1, saturation: 0.1, hue: 0.05, augmix: 0.0, blur: 0.0, erasing: 0.0}
    model: {backbone: resnet18.tv_in1k, ibn: false, last_stride: 2, pooling: avg,
      attention: none, embedding_dim: 512, embedding: fc, neck: bn, neck_shift: false,
      classifier_bias: false, retrieval_feat: feat_bn}
    loss: {id: softmax, smoothing: 0.0, metric: triplet, triplet_weight: 1.0, margin: 0.3,
      mining: batch_hard, metric_feat: feat_bn, metric_normalize: true}
    solver: {optimizer: adam, base_lr: 3.0e-4, weight_decay: 0.0, schedule: constant,
      warmup_epochs: 0.0, max_epochs: 9, ims_per_batch: 64, num_instance: 4, precision: fp32,
      seed: 42}
    test: {protocol: vru, flip: false, checkpoint: last}
    rerank: {enabled: false}
    """
)
NILEPLATE = _layer(
    """
    data: {dataset: csv, root: data/csv}
    input: {size: [224, 224], flip: 0.5, pad: 10, patch: 0.0, jitter: 0.0, augmix: 0.0,
      blur: 0.0, erasing: 0.5, erasing_max: 0.4, erasing_fill: mean}
    model: {backbone: resnet50.tv_in1k, ibn: true, last_stride: 2, pooling: avg,
      embedding_dim: 512, embedding: fc, neck: bn, neck_shift: true, neck_dropout: 0.5,
      classifier_bias: true, mixstyle: shuffle, mixstyle_prob: 0.5, mixstyle_alpha: 0.3}
    loss: {id: softmax, smoothing: 0.0, metric: contrastive+circle, contrastive_weight: 1.0,
      circle_weight: 1.0, metric_feat: feat_bn, contrastive_form: distance,
      contrastive_margin: 1.0, circle_form: batch, circle_scale: 32.0, circle_margin: 0.25}
    solver: {optimizer: sgd, nesterov: true, base_lr: 0.05, momentum: 0.9,
      backbone_lr_factor: 0.1, weight_decay: 5.0e-4, decay_all: true, clip_norm: 50.0,
      max_epochs: 20, schedule: step, step_size: 10, gamma: 0.1, warmup_epochs: 3.0,
      warmup_factor: 0.1, ims_per_batch: 32, num_instance: 4}
    test: {protocol: market, flip: true, checkpoint: last}
    rerank: {enabled: false}
    """
)
# What no publication fixes: where things are, and how much of the machine is used.
HOUSEKEEPING = {
    "name",
    "test.batch_size",
    *(f"solver.{key}" for key in ("num_workers", "log_period", "eval_period")),
}


def _network(backbone: str, **options: Any) -> Settings:
    return {f"model.{key}": value for key, value in {"backbone": backbone, **options}.items()}


PUBLISHED: dict[tuple[str, str], Settings] = {
    ("cybercore-paper", "resnext101_ibn_a"): CYBERCORE | PAPER,
    ("cybercore-paper", "resnet50_ibn_a"): {
        **CYBERCORE,
        **PAPER,
        **_network("resnet50.tv_in1k", mixstyle="none"),
    },
    ("cybercore-paper", "resnet152"): {
        **CYBERCORE,
        **PAPER,
        **_network("resnet152.tv_in1k", ibn=False, mixstyle="none"),
    },
    ("cybercore-paper", "orientation"): CYBERCORE | PAPER | ORIENTATION,
    ("cybercore-paper", "camera"): CYBERCORE | PAPER | CAMERA,
    ("cybercore-released", "resnext101_ibn_a"): CYBERCORE | RELEASED,
    **{
        ("cybercore-released", f"{name}_ibn_a"): {
            **CYBERCORE,
            **RELEASED,
            **_network(f"{name}.tv_in1k", mixstyle="none"),
        }
        for name in ("resnet50", "resnet101")
    },
    ("cybercore-released", "orientation"): CYBERCORE | RELEASED | ORIENTATION,
    ("cybercore-released", "camera"): CYBERCORE | RELEASED | CAMERA,
    **{("v2reid", f"volo_d{n}"): {**V2REID, **_network(f"volo_d{n}_224")} for n in range(1, 6)},
    ("v2reid", "volo_d1_overlap"): {**V2REID, **_network("volo_d1_224", patch_stride=5)},
    **{
        ("sanfilippo", f"{name}{suffix}"): {
            **SANFILIPPO,
            **_network(f"{name}.tv_in1k", attention=attention),
        }
        for name in ("resnet18", "resnet50")
        for suffix, attention in (("", "none"), ("_cbam", "cbam"))
    },
    ("nileplate", ""): NILEPLATE,
}
