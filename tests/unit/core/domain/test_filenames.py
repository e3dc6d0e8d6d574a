from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.filenames import (
    NameContext,
    Sanitizer,
    default_pattern,
    directory_parts,
    file_decoration,
    fit,
    next_number,
    numbered,
)
from core.domain.filenames.tokens import TOKENS

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
        ("[sampler] [scheduler]|[sampler_scheduler]", "DPM++ 2M Karras|DPM++ 2M Karras"),
        ("[styles][model_name][model_hash]", "oilsd155de76cbb7e"),
        ("[SEED]", "42"),
        ("[unknown] [unknown<x>] [", "[unknown] [unknown<x>] ["),
        ("[date] [datetime] [job_timestamp]", "2026-11-22 20261122050709 20261122050709"),
        ("[datetime<%H:%M><Asia/Tokyo>]", "14_07"),
        ("[datetime<%Y><Nowhere/../x>]", "2026"),
        ("[prompt_hash]", sha(CONTEXT.prompt)[:8]),
        ("[negative_prompt_hash<4>]", sha("bad")[:4]),
        ("[full_prompt_hash<12>]", sha(CONTEXT.prompt + " bad")[:12]),
        ("[prompt_hash<x>]", "[prompt_hash<x>]"),
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


def test_defaults() -> None:
    assert default_pattern(True) == "[seed]"
    assert default_pattern(False) == "[seed]-[prompt_spaces]"


def test_sanitizing() -> None:
    assert Sanitizer().value(' #<>:"/\\|?*\n\r\ta. .') == "_____________a"
    assert Sanitizer(unix=True).value('#<>:"/\\|?*a') == '#<>:"_\\|?*a'
    assert Sanitizer(max_length=3).value("abcdef") == "abc"
    assert file_decoration("[prompt]", replace(CONTEXT, prompt="x" * 500)) == "x" * 128


@pytest.mark.parametrize(
    ("names", "basename", "expected"),
    [
        ([], "", 0),
        (["00000-1.png", "00012-7-x.png", "00005.png", "x-99.png"], "", 13),
        (["grid-0003.png", "grid-0001-x.png", "00050-1.png", "grid-x.png"], "grid", 4),
        (["1a-1.png", "-5.png", "٣-1.png", "9" * 5000, ".png"], "", 0),
        (["7"], "", 8),
    ],
)
def test_the_next_number(names: list[str], basename: str, expected: int) -> None:
    assert next_number(names, basename) == expected


def test_numbered() -> None:
    assert numbered(12, "42") == "00012-42"
    assert numbered(0, basename="grid") == "grid-0000"
    assert numbered(3, "x", "b") == "b-0003-x"


def test_fitting() -> None:
    assert fit("a", ".png") == "a.png"
    assert fit("猫" * 128, "-mask.png") == "猫" * 82 + "-mask.png"


@given(st.integers(0, 10**9), st.sampled_from(["", "grid"]))
def test_a_number_is_followed_by_the_next(number: int, basename: str) -> None:
    assert next_number([fit(numbered(number, "x", basename), ".png")], basename) == number + 1


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


@given(NASTY, NASTY)
def test_a_fitted_name_is_short(stem: str, ending: str) -> None:
    stem, ending = stem.replace("\ud800", "x") * 20, ending.replace("\ud800", "x")[:10]
    assert len(fit(stem, ending).encode("utf-8", "replace")) <= 255
