"""What the weights are that a suite cannot take, by the keys that give them away."""

from __future__ import annotations

import re
from collections.abc import Iterable

# The first that fits names the key. Kinds that only a full name tells apart come first.
_KINDS = {
    "ControlNet-LLLite": r"^lllite_",
    "control-LoRA": r"^lora_controlnet$|\.(up|down)$",
    "ControlNet union (several controls in one)": r"^task_embedding|^transfor?mer_layes|"
    r"^transformer_layers|^spatial_ch_proj|^control_add_embedding|^control_type_proj|"
    r"^controlnet_(x|mode_embedder)",
    "T2I-Adapter": r"^adapter\.|^body\.\d+\.",
    "LyCORIS LoHa": r"\.hada_",
    "LyCORIS LoKr": r"\.lokr_",
    "LyCORIS LoCon with a core tensor": r"\.lora_mid\.",
    "LyCORIS GLoRA": r"\.[ab][12]\.weight$",
    "OFT or BOFT": r"\.b?oft_",
    "IA3": r"\.on_input$|\.ia3_",
    "whole differences": r"\.diff(_b)?$|\.(set_weight|reshape_weight)$",
    "norms": r"\.[wb]_norm$",
    "biases of a LoRA": r"\.lora_B\.bias$|\.lora_up\.bias$|\.lora\.up\.bias$",
    "DoRA": r"\.dora_scale$|\.lora_magnitude_vector",
    "LoRA": r"\.lora_|\.lora\.|_lora\.|\.alpha$",
    "IP-Adapter": r"^image_proj\.|^ip_adapter\.",
    "textual inversion": r"^emb_params$|^clip_[lgh]$|^string_to_param|^bundle_emb|^<.*>$",
    "scales of quantised weights": r"scaled_fp8|\.scale_(weight|input)$|\.weight_scale$|"
    r"\.(absmax|quant_map|nested_absmax|quant_state.*|SCB|comfy_quant)$",
    "marks of another noise schedule": r"^(v_pred|ztsnr|edm_\w+)",
    "GLIGEN": r"^position_net\.|\.fuser\.",
    "motion modules": r"motion_modules\.",
}


def foreign_kinds(keys: Iterable[str]) -> dict[str, list[str]]:
    """The keys by the kind of weights that they belong to; those of no known kind last."""
    found: dict[str, list[str]] = {}
    for key in keys:
        for kind, pattern in _KINDS.items():
            if re.search(pattern, key):
                found.setdefault(kind, []).append(key)
                break
        else:
            found.setdefault("layers that it has not", []).append(key)
    return found
