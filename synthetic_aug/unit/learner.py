"""One step of UNIT's training: discriminators, then generators, on one pass through them."""

import torch
from torch import Tensor, nn

from synthetic_aug.unit.losses import Weights, critic_loss, generator_losses, pass_through
from synthetic_aug.unit.networks import Critic, Translator
from synthetic_aug.unit.options import UnitOptions
from vreid.checkpoint import Stateful
from vreid.precision import Precision


class UnitLearner:
    """Networks, optimizers and scalers.

    Attributes:
        net: The translator.
        critics: A discriminator a domain.
        parts: All that a checkpoint holds.
    """

    def __init__(self, options: UnitOptions, precision: Precision) -> None:
        self.options, self.precision = options, precision
        device = precision.device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(options.seed)
            self.net = build_translator(options).to(device)
            self.critics = nn.ModuleList(build_critic(options) for _ in range(2)).to(device)
        self.weights = Weights(
            gan=options.gan_weight,
            kl=options.kl_weight,
            reconstruction=options.reconstruction_weight,
            cycle_kl=options.cycle_kl_weight,
            cycle=options.cycle_weight,
        )
        self._optimizer = self._adam(self.net)
        self._critic_optimizer = self._adam(self.critics)
        self._scaler, self._critic_scaler = precision.scaler(), precision.scaler()
        self.parts: dict[str, Stateful] = {
            "model": self.net,
            "critics": self.critics,
            "optimizer": self._optimizer,
            "critic_optimizer": self._critic_optimizer,
            "scaler": self._scaler,
            "critic_scaler": self._critic_scaler,
        }

    def learn(self, source: Tensor, target: Tensor, *, step: int) -> dict[str, Tensor]:
        """Train on a batch of each domain, (B, 3, H, W) in [-1, 1]; returns the named losses.

        The codes' noise follows from the seed and ``step``, which counts from 0.
        """
        for optimizer in (self._optimizer, self._critic_optimizer):
            for group in optimizer.param_groups:
                group["lr"] = self.rate(step)
        critics = [self.critics[0], self.critics[1]]
        with self.precision.autocast():
            passed = pass_through(self.net, source, target, noise=self._noise(source, step))
            judged = critic_loss(passed, critics)  # type: ignore[arg-type]
        self._update(judged, self._critic_optimizer, self._critic_scaler)
        self.critics.requires_grad_(False)  # the generators' loss needs no gradients in them
        with self.precision.autocast():
            losses = generator_losses(passed, critics, weights=self.weights)  # type: ignore[arg-type]
        self._update(losses["total"], self._optimizer, self._scaler)
        self.critics.requires_grad_(True)
        return {**{name: loss.detach() for name, loss in losses.items()}, "critic": judged.detach()}

    def rate(self, step: int) -> float:
        """Learning rate of a step."""
        options = self.options
        if not options.decay_steps:
            return options.lr
        return options.lr * min(1.0, (options.steps - step) / options.decay_steps)

    def _noise(self, images: Tensor, step: int) -> Tensor:
        generator = torch.Generator(images.device)
        generator.manual_seed(self.options.seed * 1_000_003 + step)
        scale = 2**self.options.downsamples
        height, width = (side // scale for side in images.shape[2:])
        shape = (4, len(images), self.net.latent_channels, height, width)
        return torch.randn(shape, generator=generator, device=images.device)

    def _adam(self, module: nn.Module) -> torch.optim.Adam:
        betas = (self.options.beta1, self.options.beta2)
        return torch.optim.Adam(module.parameters(), lr=self.options.lr, betas=betas)

    def _update(
        self, loss: Tensor, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler
    ) -> None:
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(scaler.scale(loss))
        scaler.step(optimizer)
        scaler.update()


def build_translator(options: UnitOptions) -> Translator:
    """The networks that options describe."""
    return Translator(
        channels=options.channels,
        downsamples=options.downsamples,
        blocks=options.blocks,
        shared_blocks=options.shared_blocks,
    )


def build_critic(options: UnitOptions) -> Critic:
    """One discriminator."""
    return Critic(
        channels=options.critic_channels,
        layers=options.critic_layers,
        scales=options.critic_scales,
    )
