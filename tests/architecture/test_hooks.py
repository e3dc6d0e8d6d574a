"""The hooks are a promise: they are the frozen ones, and what breaks a plugin needs a major version."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from plugins.builtin import builtin_plugins
from plugins.manager import load_plugins
from scripts.dev.freeze_hooks import FROZEN, describe, problems
from tests.architecture.source_tree import ROOT, imported_modules, sources

HOOKS = (ROOT / "docs" / "reference" / "hooks.md").read_text("utf-8")
FACTS = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)
REFERENCE = [
    "app_started",
    "before_reload",
    "model_loaded",
    "ui_tabs",
    "ui_train_tabs",
    "ui_settings",
    "before_image_saved",
    "image_saved",
    "extra_noise",
    "cfg_denoiser",
    "cfg_denoised",
    "cfg_after_cfg",
    "before_component",
    "after_component",
    "image_grid",
    "infotext_pasted",
    "script_unloaded",
    "before_ui",
    "list_optimizers",
    "list_unets",
    "before_token_counter",
    "setup",
    "before_process",
    "process",
    "before_process_batch",
    "after_extra_networks_activate",
    "process_batch",
    "process_before_every_sampling",
    "on_mask_blend",
    "before_hr",
    "post_sample",
    "postprocess_batch",
    "postprocess_batch_list",
    "postprocess_image",
    "postprocess_maskoverlay",
    "postprocess_image_after_composite",
    "postprocess",
    "run",
    "show",
    "title",
    "ui",
]
"""The callbacks and the methods of scripts that there were."""


def frozen() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / FROZEN).read_text("utf-8"))
    return found


def test_the_hooks_are_the_frozen_ones() -> None:
    assert describe() == frozen(), "write them with `python scripts/dev/freeze_hooks.py`"


def _without_hook(hooks: dict[str, Any]) -> None:
    del hooks["hooks"]["serena_image"]


def _without_argument(hooks: dict[str, Any]) -> None:
    hooks["hooks"]["serena_saved"]["arguments"].remove("path")


def _without_member(hooks: dict[str, Any]) -> None:
    hooks["types"]["RequestDraft"].remove("comments")


def _with_argument(hooks: dict[str, Any]) -> None:
    hooks["hooks"]["serena_saved"]["arguments"].append("size")


@pytest.mark.parametrize(
    ("change", "version", "said"),
    [
        (_without_hook, "1.9", ["hook serena_image is gone, which needs version 2.0"]),
        (_without_argument, "1.9", ["argument of serena_saved: path is gone, which needs version 2.0"]),
        (_without_member, "1.9", ["member of RequestDraft: comments is gone, which needs version 2.0"]),
        (_without_hook, "2.0", []),
        (_with_argument, "1.1", ["the hooks have changed, which needs version 1.2"]),
        (_with_argument, "1.2", []),
    ],
)
def test_what_a_version_allows(
    change: Callable[[dict[str, Any]], None], version: str, said: list[str]
) -> None:
    old = {**frozen(), "version": "1.1"}
    new = copy.deepcopy({**old, "version": version})
    change(new)
    assert problems(old, new) == said
    assert problems(old, old) == []


def test_every_callback_and_method_of_the_reference_has_a_row() -> None:
    table = HOOKS.partition("## What became of callbacks and scripts")[2]
    assert sorted(set(REFERENCE) - set(FACTS.findall(table))) == []


def test_built_in_plugins_use_what_every_plugin_may_use() -> None:
    allowed = ("core.domain", "core.drafts", "core.prompt", "plugins")
    for source in sources("plugins"):
        if source.name.startswith("plugins/builtin/"):
            ours = [
                m
                for m in imported_modules(source.nodes)
                if m.split(".")[0] in ("core", "adapters", "plugins")
            ]
            assert [module for module in ours if not module.startswith(allowed)] == [], source.name


def test_built_in_plugins_load() -> None:
    reports = load_plugins(builtin_plugins(), found=()).reports
    assert [report.error for report in reports] == [None] * len(reports)
    assert all(report.builtin and report.hooks for report in reports)
    assert [name for name in (report.name for report in reports) if f"`{name}`" not in HOOKS] == []
