"""What the patterns of names make of what is known."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.filenames import Sanitizer
from plugins.builtin.file_names.context import NameContext
from plugins.builtin.file_names.naming import default_pattern, directory_parts, file_decoration
from plugins.builtin.file_names.tokens import TOKENS
from tests.architecture.source_tree import ROOT

UNKNOWN_HERE = {"basename", "user", "vae_filename"}
"""What no picture of the API has; such a token stays as it is written."""
NOW = datetime(2026, 11, 22, 5, 7, 9, tzinfo=UTC)
CONTEXT = NameContext(
    now=NOW,
    prompt="a red cat, sitting on a mat: very/nice",
    negative_prompt="bad",
    prompt_no_styles="a red cat",
    styles=("None", "oil"),
    basename="base",
    seed=42,
    all_seeds=(42,),
    steps=20,
    cfg_scale=7.0,
    width=512,
    height=768,
    sampler="DPM++ 2M",
    scheduler="Karras",
    model_hash="5de76cbb7e",
    model_name="sd15",
    vae_filename="vae",
    clip_skip=1,
    denoising_strength=0.75,
    job_timestamp="20261122050709",
    user="me",
    image_hash="ab" * 32,
)
BATCH = replace(CONTEXT, batch_size=2, batch_index=1, n_iter=3, iteration=2, all_seeds=(40, 41, 42))


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[seed]-[prompt_spaces]", "42-a red cat, sitting on a mat_ very_nice"),
        ("[prompt]", "a_red_cat,_sitting_on_a_mat__very_nice"),
        ("[prompt_words]", "a red cat sitting on a mat very"),
        ("[prompt_no_styles]", "a red cat"),
        ("[steps] [cfg] [width]x[height]", "20 7.0 512x768"),
        ("[sampler] [scheduler]|[sampler_scheduler]", "DPM++ 2M Karras_DPM++ 2M Karras"),
        ("[styles][model_name][model_hash]", "oilsd155de76cbb7e"),
        ("[SEED]", "42"),
        ("[unknown] [unknown<x>] [", "[unknown] [unknown_x_] ["),
        ("[date] [datetime] [job_timestamp]", "2026-11-22 20261122050709 20261122050709"),
        ("[datetime<%H:%M><Asia/Tokyo>]", "14_07"),
        ("[datetime<%Y><Nowhere/../x>]", "2026"),
        ("[prompt_hash]", sha(CONTEXT.prompt)[:8]),
        ("[negative_prompt_hash<4>]", sha("bad")[:4]),
        ("[full_prompt_hash<12>]", sha(CONTEXT.prompt + " bad")[:12]),
        ("[prompt_hash<x>]", "[prompt_hash_x_]"),
        ("[image_hash<6>]", "ababab"),
        ("[hasprompt<Cat><dog|bird><cow>]", "Catbird"),
        ("[hasprompt]", "[hasprompt]"),
        ("[seed]-[batch_number]-[generation_number]-[seed_last]!", "42!"),
        ("x[none]y", "xy"),
        (
            "[seed_first] [clip_skip] [denoising] [user] [vae_filename] [basename] [batch_size]",
            "42 1 0.75 me vae base 1",
        ),
        ("a/b\\c", "a_b_c"),
        ("..", ""),
        ("[nosuch<8>] a:b?", "[nosuch_8_] a_b_"),
        ("", ""),
    ],
)
def test_patterns(pattern: str, expected: str) -> None:
    assert file_decoration(pattern, CONTEXT) == expected


def test_patterns_of_a_batch() -> None:
    pattern = "[seed_first]-[seed_last]-[batch_number]-[generation_number]"
    assert file_decoration(pattern, BATCH) == "40-42-2-6"


def test_what_is_not_known_stays() -> None:
    nothing = NameContext(NOW)
    pattern = "[seed][seed_first][user][image_hash][sampler_scheduler]"
    assert file_decoration(pattern, nothing) == pattern
    assert file_decoration("[prompt_words] [styles] [prompt_no_styles]", nothing) == "empty None"


def test_a_format_that_strftime_refuses() -> None:
    assert file_decoration("[datetime<\ud800>]", CONTEXT) in ("20261122050709", "_")


def test_folders() -> None:
    assert directory_parts("[date]/[model_name]", CONTEXT) == ("2026-11-22", "sd15")
    assert directory_parts("[date]/[batch_number]/../.././/x \\y", CONTEXT) == ("2026-11-22", "x", "y")
    assert directory_parts("[prompt_spaces]", replace(CONTEXT, prompt="../../etc")) == (".._.._etc",)
    assert directory_parts("[prompt]", replace(CONTEXT, prompt="..")) == ()


def test_every_token_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "file-names.md").read_text("utf-8")
    assert set(re.findall(r"`\[(\w+)(?:<[^`]*>)?\]`", page)) | UNKNOWN_HERE == set(TOKENS)


def test_defaults() -> None:
    assert default_pattern(True) == "[seed]"
    assert default_pattern(False) == "[seed]-[prompt_spaces]"


def test_a_value_is_cut() -> None:
    assert file_decoration("[prompt]", replace(CONTEXT, prompt="x" * 500)) == "x" * 128


NASTY = st.text(st.sampled_from("./\\ ~\x00\n:[]<>a猫\ud800") | st.characters(), max_size=40)
PATTERNS = st.lists(st.sampled_from([f"[{name}]" for name in TOKENS]) | NASTY, max_size=5).map("".join)


@given(PATTERNS, NASTY, NASTY, st.booleans())
def test_no_name_leads_anywhere(pattern: str, prompt: str, model: str, unix: bool) -> None:
    context = replace(CONTEXT, prompt=prompt, prompt_no_styles=None, model_name=model, styles=(model,))
    sanitizer = Sanitizer(unix)
    names = [file_decoration(pattern, context, sanitizer), *directory_parts(pattern, context, sanitizer)]
    for name in names:
        assert name not in (".", "..")
        assert "\x00" not in name
        assert "/" not in name
        assert os.path.basename(name) == name
        os.fsencode(name)
    assert all(directory_parts(pattern, context, sanitizer))
