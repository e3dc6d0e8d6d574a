"""The plugins that come with Serena. They use the public hooks and nothing else."""

from __future__ import annotations

from plugins.builtin.file_names import FileNamesPlugin
from plugins.builtin.loopback import LoopbackPlugin
from plugins.builtin.lora import LoraPlugin
from plugins.builtin.outpainting import OutpaintingPlugin
from plugins.builtin.prompt_matrix import PromptMatrixPlugin
from plugins.builtin.prompts_from_file import PromptsFromFilePlugin
from plugins.builtin.save_as import SaveAsPlugin
from plugins.builtin.sd_upscale import SdUpscalePlugin
from plugins.builtin.styles import StylesPlugin
from plugins.builtin.textual_inversion import TextualInversionPlugin
from plugins.builtin.wildcards import WildcardsPlugin
from plugins.builtin.xyz_plot import XyzPlotPlugin


def builtin_plugins() -> tuple[tuple[str, object], ...]:
    """New ones, by their names, in the order in which they are registered: the last one is called first, so
    that tags of LoRAs may come out of wildcards."""
    return (
        ("file_names", FileNamesPlugin()),
        ("save_as", SaveAsPlugin()),
        ("lora", LoraPlugin()),
        ("loopback", LoopbackPlugin()),
        ("outpainting", OutpaintingPlugin()),
        ("prompt_matrix", PromptMatrixPlugin()),
        ("prompts_from_file", PromptsFromFilePlugin()),
        ("sd_upscale", SdUpscalePlugin()),
        ("styles", StylesPlugin()),
        ("textual_inversion", TextualInversionPlugin()),
        ("xyz_plot", XyzPlotPlugin()),
        ("wildcards", WildcardsPlugin()),
    )
