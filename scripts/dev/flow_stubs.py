"""Tiny random models of the flow-matching families; see ``create_stub_repos.py``, which calls this."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import create_stub_repos as plain
import diffusers
import torch
import transformers
from flow_names import FLUX, FLUX2, SD3, Z_IMAGE, Table, original
from flow_vae_names import patch_name, video_name
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from torch import Tensor

WIDTH = 32
CHANNELS = 16
TRANSFORMER = "model.diffusion_model."
TURN = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NO_THOUGHTS = "<think>\n\n</think>\n\n"
# Enough for the text to change the picture, where a UNet's weights would drown it.
SCALE = 4.0


@dataclass(frozen=True)
class FlowStub:
    """A family: its pipeline, its transformer, its schedule, and what writes its text encoders.

    :ivar table: the names of its makers; empty: they are those of diffusers.
    :ivar strength: by how much its transformer's weights are larger than those of a UNet.
    """

    pipeline: str
    transformer: str
    config: dict[str, Any]
    texts: Callable[[Path, torch.Generator], dict[str, Tensor]]
    scheduler: dict[str, Any]
    table: Table = ()
    scaling: tuple[float, float] = (0.3611, 0.1159)
    index: dict[str, list[str | None]] = field(default_factory=dict)
    strength: float = SCALE


def strong(model: torch.nn.Module, generator: torch.Generator, strength: float = SCALE) -> Any:
    plain.fill(model, generator)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.mul_(strength)
    return model


def write_t5(folder: Path, number: int, generator: torch.Generator) -> dict[str, Tensor]:
    suffix = f"_{number}"
    words = write_unigram(folder / f"tokenizer{suffix}")
    config = transformers.T5Config(
        vocab_size=words, d_model=2 * WIDTH, d_kv=8, d_ff=WIDTH, num_layers=1, num_heads=2,
        feed_forward_proj="gated-gelu", tie_word_embeddings=False,
    )  # fmt: skip
    encoder = strong(transformers.T5EncoderModel(config), generator)
    encoder.save_pretrained(folder / f"text_encoder{suffix}")
    shared = encoder.state_dict()
    shared.pop("encoder.embed_tokens.weight", None)
    return {f"text_encoders.t5xxl.transformer.{name}": x for name, x in shared.items()}


def write_unigram(folder: Path) -> int:
    """A tokenizer of letters, with an end mark behind each text."""
    letters = [chr(code) for code in range(33, 127)]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -1.0), *((one, -2.0) for one in letters)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair=None, special_tokens=[("</s>", 1)]
    )
    marks = {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=512, **marks)
    fast.save_pretrained(folder)
    return len(pieces)


def write_bytes(folder: Path, behind: str = "") -> int:
    """A tokenizer of bytes, with the marks of a conversation."""
    letters = {letter: number for number, letter in enumerate(plain.byte_letters())}
    tokenizer = Tokenizer(models.BPE(letters, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(TURN))
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=2048, pad_token=TURN[2], eos_token=TURN[1]
    )
    fast.chat_template = CHAT.replace("assistant\n", "assistant\n" + behind)
    fast.save_pretrained(folder)
    return len(letters) + len(TURN)


def write_clip(
    folder: Path, part: str, name: str, generator: torch.Generator, projects: bool
) -> dict[str, Tensor]:
    text = plain.Text(part, f"text_encoders.{name}.transformer.", projects=projects)
    pad = plain.OPEN_CLIP_PAD if name == "clip_g" else plain.EOS
    words = plain.write_tokenizer(folder / text.tokenizer, pad)
    encoder = plain.write_text_encoder(folder / part, words, text, generator)
    state = plain.text_state(encoder.state_dict(), text)
    return {key.replace("text_model.text_projection", "text_projection"): x for key, x in state.items()}


def sd3_texts(folder: Path, generator: torch.Generator) -> dict[str, Tensor]:
    first = write_clip(folder, "text_encoder", "clip_l", generator, projects=True)
    second = write_clip(folder, "text_encoder_2", "clip_g", generator, projects=True)
    return first | second | write_t5(folder, 3, generator)


def flux_texts(folder: Path, generator: torch.Generator) -> dict[str, Tensor]:
    first = write_clip(folder, "text_encoder", "clip_l", generator, projects=False)
    return first | write_t5(folder, 2, generator)


def language(words: int) -> dict[str, Any]:
    return {
        "vocab_size": words, "hidden_size": WIDTH, "intermediate_size": WIDTH, "num_hidden_layers": 2,
        "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 2048,
        "bos_token_id": words - 1, "eos_token_id": words - 2,
    }  # fmt: skip


def qwen_image_texts(folder: Path, generator: torch.Generator) -> dict[str, Tensor]:
    words = write_bytes(folder / "tokenizer")
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10000.0}
    vision = {
        "depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": WIDTH,
        "fullatt_block_indexes": [0],
    }  # fmt: skip
    config = transformers.Qwen2_5_VLConfig(
        text_config={**language(words), "rope_parameters": rope}, vision_config=vision
    )
    model = strong(transformers.Qwen2_5_VLForConditionalGeneration(config), generator)
    model.save_pretrained(folder / "text_encoder")
    return {f"text_encoders.qwen25_7b.transformer.{name}": x for name, x in model.state_dict().items()}


def z_image_texts(folder: Path, generator: torch.Generator) -> dict[str, Tensor]:
    words = write_bytes(folder / "tokenizer")
    config = transformers.Qwen3Config(**language(words), head_dim=16)
    model = strong(transformers.Qwen3ForCausalLM(config), generator)
    model.save_pretrained(folder / "text_encoder")
    return {f"text_encoders.qwen3_4b.transformer.{name}": x for name, x in model.state_dict().items()}


def klein_texts(folder: Path, generator: torch.Generator) -> dict[str, Tensor]:
    words = write_bytes(folder / "tokenizer", NO_THOUGHTS)
    # Its middle layers are read, by their numbers.
    config = transformers.Qwen3Config(**{**language(words), "num_hidden_layers": 28}, head_dim=8)
    model = strong(transformers.Qwen3ForCausalLM(config), generator)
    model.save_pretrained(folder / "text_encoder")
    return {f"text_encoders.qwen3_4b.transformer.{name}": x for name, x in model.state_dict().items()}


def write_vae(folder: Path, stub: FlowStub, generator: torch.Generator) -> dict[str, Tensor]:
    if stub.pipeline == "QwenImagePipeline":
        vae: Any = diffusers.AutoencoderKLQwenImage(base_dim=4, z_dim=CHANNELS)
        plain.fill(vae, generator)
        vae.save_pretrained(folder)
        return {f"vae.{video_name(name)}": x for name, x in vae.state_dict().items()}
    if stub.pipeline == "Flux2KleinPipeline":
        vae = diffusers.AutoencoderKLFlux2(
            **BLOCKS, latent_channels=2 * CHANNELS, norm_num_groups=4, layers_per_block=1
        )
        plain.fill(vae, generator)
        vae.bn.running_mean.normal_(generator=generator)
        vae.bn.running_var.uniform_(0.5, 2.0, generator=generator)
        vae.save_pretrained(folder)
        measured = {f"vae.{name}": x for name, x in vae.state_dict().items() if name.startswith("bn.running")}
        del vae.bn
        return measured | {f"vae.{patch_name(name)}": x for name, x in plain.vae_state(vae).items()}
    vae = diffusers.AutoencoderKL(
        **BLOCKS,
        latent_channels=CHANNELS,
        norm_num_groups=4,
        scaling_factor=stub.scaling[0],
        shift_factor=stub.scaling[1],
        use_quant_conv=False,
        use_post_quant_conv=False,
    )
    plain.fill(vae, generator)
    vae.save_pretrained(folder)
    return plain.vae_state(vae)


def write_flow_stub(folder: Path, name: str, seed: int) -> None:
    """Both layouts, with the same weights."""
    stub, generator = FLOW_STUBS[name], torch.Generator().manual_seed(seed)
    state = stub.texts(folder, generator)
    transformer = strong(getattr(diffusers, stub.transformer)(**stub.config), generator, stub.strength)
    transformer.save_pretrained(folder / "transformer")
    state |= original(transformer.state_dict(), stub.table, TRANSFORMER)
    state |= write_vae(folder / "vae", stub, generator)
    scheduler = {"_class_name": "FlowMatchEulerDiscreteScheduler", **stub.scheduler}
    plain.write_json(folder / "scheduler" / "scheduler_config.json", scheduler)
    vae = VAES.get(stub.pipeline, "AutoencoderKL")
    index = {
        "_class_name": stub.pipeline,
        "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
        "transformer": ["diffusers", stub.transformer],
        "vae": ["diffusers", vae],
        **stub.index,
    }
    plain.write_json(folder / "model_index.json", index)
    tensors = {key: state[key].detach().clone().contiguous() for key in sorted(state)}
    save_file(tensors, folder.with_suffix(".safetensors"), metadata={"format": "pt"})


BLOCKS: dict[str, Any] = {
    "block_out_channels": (8, 8, 16, 16),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}
VAES = {"QwenImagePipeline": "AutoencoderKLQwenImage", "Flux2KleinPipeline": "AutoencoderKLFlux2"}
CLIP, CLIP_PROJECTED = ["transformers", "CLIPTextModel"], ["transformers", "CLIPTextModelWithProjection"]
T5, WORDS, FAST = (
    ["transformers", name] for name in ("T5EncoderModel", "CLIPTokenizer", "PreTrainedTokenizerFast")
)
ROPE = (4, 6, 6)
HEADS = {"num_attention_heads": 2, "attention_head_dim": 16}
DYNAMIC = {
    "use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 1.15,
    "base_image_seq_len": 256, "max_image_seq_len": 4096, "shift": 3.0,
}  # fmt: skip
SD3_CONFIG = {
    "sample_size": 8, "num_layers": 2, "attention_head_dim": 8, "num_attention_heads": 2, "in_channels": 16,
    "joint_attention_dim": 2 * WIDTH, "caption_projection_dim": 16, "pooled_projection_dim": 2 * WIDTH,
    "pos_embed_max_size": 8, "qk_norm": "rms_norm", "dual_attention_layers": (0,),
}  # fmt: skip
FLUX_CONFIG = {
    **HEADS, "in_channels": 4 * CHANNELS, "num_layers": 1, "num_single_layers": 1,
    "joint_attention_dim": 2 * WIDTH, "pooled_projection_dim": WIDTH, "axes_dims_rope": ROPE,
}  # fmt: skip
FLUX_INDEX: dict[str, list[str | None]] = {
    "text_encoder": CLIP, "tokenizer": WORDS, "text_encoder_2": T5, "tokenizer_2": FAST,
}  # fmt: skip

FLOW_STUBS: dict[str, FlowStub] = {
    "sd3": FlowStub(
        "StableDiffusion3Pipeline", "SD3Transformer2DModel", SD3_CONFIG, sd3_texts, {"shift": 3.0}, SD3,
        scaling=(1.5305, 0.0609),
        index={
            "text_encoder": CLIP_PROJECTED, "tokenizer": WORDS, "text_encoder_2": CLIP_PROJECTED,
            "tokenizer_2": WORDS, "text_encoder_3": T5, "tokenizer_3": FAST,
        },
    ),
    "flux": FlowStub(
        "FluxPipeline", "FluxTransformer2DModel", {**FLUX_CONFIG, "guidance_embeds": True}, flux_texts,
        DYNAMIC, FLUX, index=FLUX_INDEX,
    ),
    "flux-schnell": FlowStub(
        "FluxPipeline", "FluxTransformer2DModel", FLUX_CONFIG, flux_texts, {"shift": 1.0}, FLUX,
        index=FLUX_INDEX,
    ),
    "qwen-image": FlowStub(
        "QwenImagePipeline", "QwenImageTransformer2DModel",
        {
            **HEADS, "in_channels": 4 * CHANNELS, "out_channels": CHANNELS, "num_layers": 1,
            "joint_attention_dim": WIDTH, "axes_dims_rope": ROPE,
        },
        qwen_image_texts,
        {**DYNAMIC, "max_shift": 0.9, "max_image_seq_len": 8192, "shift_terminal": 0.02, "shift": 1.0},
        index={
            "text_encoder": ["transformers", "Qwen2_5_VLForConditionalGeneration"], "tokenizer": FAST,
        },
    ),
    "z-image": FlowStub(
        "ZImagePipeline", "ZImageTransformer2DModel",
        {
            "in_channels": CHANNELS, "dim": WIDTH, "n_layers": 1, "n_refiner_layers": 1, "n_heads": 2,
            "n_kv_heads": 2, "cap_feat_dim": WIDTH, "axes_dims": ROPE, "axes_lens": (512, 32, 32),
        },
        z_image_texts,
        {"shift": 3.0},
        Z_IMAGE,
        index={"text_encoder": ["transformers", "Qwen3ForCausalLM"], "tokenizer": FAST},
    ),
    "flux2-klein": FlowStub(
        "Flux2KleinPipeline", "Flux2Transformer2DModel",
        {
            **HEADS, "in_channels": 8 * CHANNELS, "num_layers": 1, "num_single_layers": 1,
            "joint_attention_dim": 3 * WIDTH, "axes_dims_rope": (4, 4, 4, 4), "guidance_embeds": False,
        },
        klein_texts,
        {**DYNAMIC, "shift": 3.0},
        FLUX2,
        # Everything in it hangs on the time, whose last digit would decide too much.
        strength=2.0,
        index={"text_encoder": ["transformers", "Qwen3ForCausalLM"], "tokenizer": FAST},
    ),
}  # fmt: skip
"""What each family is made of; the keys are those of ``create_stub_repos.FLOW``."""
