"""The whole remix on one screen.

request -> product, reference, prompt -> denoise -> decode -> composite -> result
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from PIL import Image

from remixlab import images, runtime
from remixlab.config import RemixConfig, compose_config
from remixlab.denoise.conditioning import distinct
from remixlab.denoise.loop import OnStep, denoise
from remixlab.models.compiling import compile_suite
from remixlab.models.load import load_suite
from remixlab.models.offload import Offload, check_offload
from remixlab.models.quantizing import quantize_suite
from remixlab.models.spec import SuiteSpec
from remixlab.models.suite import Suite
from remixlab.models.vae import decode_latents
from remixlab.prepare import picture_key, prepare_conditions, prepare_keep, prepare_products
from remixlab.product import composite
from remixlab.provenance import describe
from remixlab.request import RemixRequest, RemixResult


class Remixer:
    """A loaded suite that makes remixes.

    Examples:
        >>> remixer = Remixer.from_config("mini")
        >>> result = remixer.remix(RemixRequest(product_image="p.png", ref_image="r.jpg"))
        >>> result.save("remix.png")
    """

    def __init__(
        self, suite: Suite, config: RemixConfig, within: runtime.Within = runtime.anywhere
    ) -> None:
        """`within` surrounds each stage, for a suite that is not on its device throughout."""
        self.suite = suite
        self.config = config
        self.within = within

    @classmethod
    def from_config(cls, model: str = "mini", *, overrides: Sequence[str] = ()) -> Remixer:
        """Load a suite by name, with Hydra overrides such as `runtime.attention=xformers`.

        Raises:
            InvalidConfig: an override that does not exist or has no such value.
            MissingWeights: the suite's files are not here and cannot be had.
        """
        return cls.from_settings(compose_config([f"model={model}", *overrides]))

    @classmethod
    def from_settings(cls, config: RemixConfig) -> Remixer:
        """Load the suite that `config` describes; raises as `from_config`."""
        runtime.keep_kernels()
        device = runtime.resolve_device(config.runtime.device)
        check_offload(config.runtime, device)
        if config.runtime.deterministic:
            runtime.make_deterministic()
        offload = config.runtime.offload
        suite = load_suite(
            SuiteSpec.from_config(config.model),
            device="cpu" if offload else device,
            dtype=runtime.resolve_dtype(config.runtime.dtype, device),
            kernel=runtime.attention_kernel(
                config.runtime.attention, compiled=config.runtime.compile
            ),
            channels_last=config.runtime.channels_last,
        )
        if config.runtime.vae_tiling:
            suite.vae.enable_tiling()
        quantize_suite(suite, config.runtime.quantize)
        within = runtime.anywhere
        if offload:
            away = Offload(suite, device)
            suite, within = away.suite, away.resident
        compile_suite(suite, config.runtime.compile, cuda_graphs=config.runtime.cuda_graphs)
        return cls(suite, config, within)

    def remix(self, request: RemixRequest, *, on_step: OnStep | None = None) -> RemixResult:
        """Make one remix; the same as a batch of one."""
        return self.remix_batch([request], on_step=on_step)[0]

    def remix_batch(
        self, requests: Sequence[RemixRequest], *, on_step: OnStep | None = None
    ) -> list[RemixResult]:
        """Make many remixes, each with its own everything; answers come in the given order.

        Requests whose backgrounds have the same size are denoised together, `runtime.batch_size`
        at a time, and those that mean the same picture once. `on_step(step, steps, latents)` is
        called after every denoising step.
        """
        resolved = [request.resolved() for request in requests]
        results: dict[int, RemixResult] = {}
        for numbers in self._groups(resolved):
            keys, index = distinct([picture_key(resolved[n]) for n in numbers])
            firsts = [resolved[numbers[index.index(k)]] for k in range(len(keys))]
            made = self._remix_group(firsts, on_step)
            for n, k in zip(numbers, index, strict=True):
                provenance = describe(resolved[n], self.suite, self.config)
                provenance["batch"] = len(firsts)  # pictures: how many may decide the last digit
                provenance["warnings"] = list(made[k].warnings)
                results[n] = replace(made[k], provenance=provenance)
        return [results[number] for number in range(len(resolved))]

    def native_size(self, request: RemixRequest) -> tuple[int, int]:
        """(width, height) of the request's background; those of one size share a batch."""
        return self.suite.spec.native_size(*request.product.size)

    def _groups(self, requests: Sequence[RemixRequest]) -> Iterator[list[int]]:
        by_size: dict[tuple[int, int], list[int]] = {}
        for number, request in enumerate(requests):
            by_size.setdefault(self.native_size(request), []).append(number)
        limit = self.config.runtime.batch_size
        for numbers in by_size.values():
            yield from (numbers[i : i + limit] for i in range(0, len(numbers), limit))

    @torch.inference_mode()
    def _remix_group(
        self, requests: list[RemixRequest], on_step: OnStep | None
    ) -> list[RemixResult]:
        clock = runtime.Clock(self.suite.device, self.within)
        suite, config = self.suite, self.config
        size = self.native_size(requests[0])
        with clock.measure("product"):
            products = prepare_products(suite, requests, size, config)
        conditions, warnings = prepare_conditions(suite, requests, products, config, clock)
        generators = runtime.seeded_generators([request.seed for request in requests])
        shape = (suite.latent_channels, *(side // suite.latent_factor for side in size[::-1]))
        noise = runtime.draw_noise(generators, shape, suite.device)
        with clock.measure("encode"):
            keep = prepare_keep(suite, products, noise) if config.hold_product else None
        with clock.measure("denoise"):
            latents = denoise(
                suite,
                conditions,
                noise,
                steps=config.steps or suite.spec.steps,
                generators=generators,
                keep=keep,
                on_step=on_step,
            )
        with clock.measure("decode"):
            pixels = [decode_latents(suite.vae, part) for part in latents.split(1)]
        with clock.measure("composite"):
            backgrounds = [
                images.resize(images.to_image(part), product.whole.size)
                for part, product in zip(pixels, products, strict=True)
            ]
            pictures = [
                composite(product.whole, background)
                for product, background in zip(products, backgrounds, strict=True)
            ]
        return [
            RemixResult(
                image=picture,
                seed=request.seed,
                mask=Image.fromarray(product.whole.alpha),
                outline=Image.fromarray(product.outline),
                background=background,
                timings=dict(clock.seconds),
                warnings=warning,
            )
            for request, product, picture, background, warning in zip(
                requests, products, pictures, backgrounds, warnings, strict=True
            )
        ]
