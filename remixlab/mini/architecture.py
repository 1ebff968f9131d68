"""The shapes of the mini suite's networks: SDXL's classes and wiring, a hundredth of its size.

Latents are 16 x H/16 x W/16. The autoencoder is diffusers' AutoencoderDC, whose strided
stem starts at half resolution, which is what makes full-size decoding cheap on a CPU.
"""

from __future__ import annotations

from typing import Any

LATENT_CHANNELS = 16
LATENT_SIDE = 16  # pixels
CROSS_WIDTH = 192
POOLED_WIDTH = 128
IMAGE_SIZE = 128
TEXT_LENGTH = 77
VOCABULARY = 1024

VAE: dict[str, Any] = {
    "latent_channels": LATENT_CHANNELS,
    "downsample_block_type": "conv",
    "encoder_block_out_channels": (16, 16, 32, 64, 128),
    "decoder_block_out_channels": (16, 16, 32, 64, 128),
    "encoder_layers_per_block": (0, 1, 1, 1, 1),
    "decoder_layers_per_block": (0, 1, 2, 2, 3),
    "encoder_qkv_multiscales": ((), (), (), (), ()),
    "decoder_qkv_multiscales": ((), (), (), (), ()),
}

_SHARED: dict[str, Any] = {
    "in_channels": LATENT_CHANNELS,
    "block_out_channels": (64, 128, 192),
    "layers_per_block": 1,
    "attention_head_dim": (2, 4, 6),  # heads a level: diffusers' name for it, kept for SDXL
    "cross_attention_dim": CROSS_WIDTH,
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 32,
    "projection_class_embeddings_input_dim": 6 * 32 + POOLED_WIDTH,
}

UNET: dict[str, Any] = _SHARED | {
    "sample_size": 24,
    "out_channels": LATENT_CHANNELS,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 1, 1),
}

# Without attention, as in the published "small" SDXL ControlNets: an outline is a local matter.
CONTROLNET: dict[str, Any] = _SHARED | {
    "conditioning_channels": 3,
    "down_block_types": ("DownBlock2D", "DownBlock2D", "DownBlock2D"),
    "mid_block_type": "UNetMidBlock2D",
    "conditioning_embedding_out_channels": (4, 8, 16, 32, 64),
}

_TEXT: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "max_position_embeddings": TEXT_LENGTH,
    "hidden_act": "quick_gelu",
    "num_hidden_layers": 3,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
}
TEXT_ENCODER: dict[str, Any] = _TEXT | {
    "hidden_size": 64,
    "intermediate_size": 256,
    "num_attention_heads": 2,
    "projection_dim": 64,
}
TEXT_ENCODER_2: dict[str, Any] = _TEXT | {
    "hidden_size": CROSS_WIDTH - 64,
    "intermediate_size": 512,
    "num_attention_heads": 4,
    "projection_dim": POOLED_WIDTH,
}
IMAGE_ENCODER: dict[str, Any] = {
    "hidden_size": 128,
    "intermediate_size": 384,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "image_size": IMAGE_SIZE,
    "patch_size": 16,
    "projection_dim": POOLED_WIDTH,
}
REFERENCE_PROJECTION: dict[str, Any] = {
    "embed_dims": IMAGE_ENCODER["hidden_size"],
    "output_dims": CROSS_WIDTH,
    "hidden_dims": 128,
    "heads": 2,
    "num_queries": 16,
}
SCHEDULER: dict[str, Any] = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
    # Lin et al. 2023 (arXiv:2305.08891): sampling starts at pure noise, so training must too.
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
}
