"""What clients send, in their order, and what each of them reads from the answers.

The requests in ``recorded/`` are written from what was found in the clients' own sources.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.clients.pictures import decoded, encoded, half_mask
from tests.clients.replay import replay
from tests.clients.servers import Door

RUN = "recorded requests"
MODEL_KEYS = {"title", "model_name", "hash", "sha256", "filename", "config"}


def client(name: str, shows: str) -> pytest.MarkDecorator:
    return pytest.mark.client(name, run=RUN, shows=shows)


def info_of(drawn: Any) -> dict[str, Any]:
    assert isinstance(drawn["info"], str)
    found = json.loads(drawn["info"])
    assert isinstance(found, dict)
    return found


def names(entries: Any) -> list[str]:
    return [entry["name"] for entry in entries]


@client("Open WebUI", "reads options, posts them whole, draws a batch, `info`")
def test_open_webui(door: Door, title: str) -> None:
    said = replay(door.client, "open_webui")
    assert said["options"]["sd_model_checkpoint"] in (title, None, "")
    assert [model["model_name"] for model in said["models"].body]
    assert said["set"].body is None
    before, after = said["options"].body, said["options_again"].body
    changed = {key for key in before if before[key] != after[key]}
    assert changed <= {"sd_model_checkpoint", "sd_checkpoint_hash"}
    assert after["sd_model_checkpoint"] == title
    assert said["options_after"].body == after, "drawing changed an option"
    assert len(said["drawn"]["images"]) == 2
    assert info_of(said["drawn"])["all_prompts"] == ["a red circle"] * 2


@client("LibreChat", "draws, size, seed and infotext from `info`, png-info")
def test_librechat(door: Door) -> None:
    said = replay(door.client, "librechat")
    picture = said["drawn"]["images"][0]
    assert "," not in picture
    info = info_of(said["drawn"])
    assert (info["width"], info["height"]) == (64, 64)
    assert info["infotexts"][0].split("\n")[-1].startswith("Steps: 22, Sampler: DPM++ 2M")
    assert said["info"]["info"] == info["infotexts"][0]
    assert f"Seed: {info['seed']}" in said["info"]["info"]


@client("SillyTavern", "ping, all lists, model switch, draws with its own secrets in the body, interrupt")
def test_sillytavern(door: Door, title: str) -> None:
    said = replay(door.client, "sillytavern")
    assert "forge_preset" not in said["ping"].body
    assert names(said["samplers"].body)
    assert names(said["schedulers"].body)
    assert "Latent" in names(said["latent"].body)
    assert {"None", "Lanczos", "Nearest"} <= set(names(said["upscalers"].body))
    assert [model["title"] for model in said["models"].body] == [title]
    assert all({"model_name", "filename"} <= set(vae) for vae in (*said["vaes"].body, *said["modules"].body))
    assert (said["progress"]["progress"], said["progress"]["state"]["job_count"]) == (0, 0)
    assert decoded(said["drawn"]["images"][0]).size == (64, 64)
    assert "sillytavern-secret" not in json.dumps(said["drawn"].body)
    assert not {"url", "auth", "clip_skip"} & set(said["drawn"]["parameters"])
    assert "sillytavern-secret" not in door.log()
    assert "Clip skip: 2" in info_of(said["drawn"])["infotexts"][0]
    assert said["options"]["CLIP_stop_at_last_layers"] == said["ping"]["CLIP_stop_at_last_layers"]
    assert said["interrupt"].body == {}


@client("KoboldLite", "preflight, reads models and options from a page, draws, redraws")
def test_koboldlite(shared: Door) -> None:
    said = replay(shared.client, "koboldlite")
    page = "https://lite.koboldai.net"
    assert {answer.headers["access-control-allow-origin"] for answer in said.values()} == {page}
    assert "content-type" in said["preflight"].headers["access-control-allow-headers"].lower()
    assert said["options"]["samples_format"] is not None
    assert said["options"]["sd_model_checkpoint"] in [model["title"] for model in said["models"].body]
    assert decoded(said["drawn"]["images"][0]).size == (64, 64)
    assert said["redrawn"]["images"][0] != said["drawn"]["images"][0]
    caption = said["caption"]
    assert caption["caption"] if caption.status == 200 else caption["detail"]


@client("AIYA", "start-up lists, `/config`, draws with its odd values, png-info, extras, interrupt, skip")
def test_aiya(door: Door) -> None:
    said = replay(door.client, "aiya")
    assert isinstance(said["flags"].body, dict)
    assert said["head"].status < 500
    assert "Euler a" in names(said["samplers"].body)
    style = said["prompt_styles"].body[-1]
    assert style == {"name": "warm", "prompt": "{prompt}, warm light", "negative_prompt": "cold"}
    assert {key: found["shape"] for key, found in said["embeddings"]["loaded"].items()} == {"calm": 768}
    assert said["embeddings"]["skipped"] == {}
    assert [lora["alias"] for lora in said["loras"].body] == ["ink-alias"]
    assert said["hypernetworks"].body == []
    assert all(restorer["name"] for restorer in said["face_restorers"].body)
    assert said["sd_models"][0]["hash"]
    assert said["sd_models"][0]["title"].endswith(f"[{said['sd_models'][0]['hash']}]")
    assert said["config"]["components"] == []
    assert info_of(said["drawn"])["seed"] == 42
    assert info_of(said["redrawn"])["prompt"] == "a red circle, warm light"
    assert {"job", "sampling_step"} <= set(said["progress"]["state"])
    assert (said["interrupt"].body, said["skip"].body) == ({}, None)
    assert said["png_info"]["info"].startswith("a red circle\nSteps: 5, Sampler: Euler a")
    assert decoded(said["upscaled"]["image"]).size == (128, 128)
    assert said["upscaled"]["html_info"].startswith("<p>")


@client("n8n-nodes-automatic1111", "refreshes, switches by bare name, draws, `parameters` as an object")
def test_n8n(door: Door, title: str) -> None:
    said = replay(door.client, "n8n")
    assert said["set"].body is None
    assert door.get("/sdapi/v1/options")["sd_model_checkpoint"] == title
    assert isinstance(said["drawn"]["parameters"], dict)
    assert said["drawn"]["parameters"]["sampler_name"] == said["samplers"][0]["name"]
    assert info_of(said["drawn"])["seed"] >= 0
    assert len(said["drawn"]["images"]) == 1


@client("stable-gimpfusion", "lists, draws three, masks two, one infotext and seed for each picture")
def test_gimpfusion(door: Door, drawn: str) -> None:
    said = replay(door.client, "gimpfusion", mask=encoded(half_mask()))
    assert said["controlnet"]["model_list"] == []
    for name, count in (("drawn", 3), ("redrawn", 2)):
        info = info_of(said[name])
        assert len(said[name]["images"]) == len(info["infotexts"]) == len(info["all_seeds"]) == count
        seeds = [decoded(image).info["parameters"].partition("Seed: ")[2] for image in said[name]["images"]]
        assert [int(seed.partition(",")[0]) for seed in seeds] == info["all_seeds"]


@client("AI-Render", "old combined sampler names, extras, its two readings of a 404")
def test_ai_render(door: Door, drawn: str) -> None:
    said = replay(door.client, "ai_render", picture=drawn)
    assert {"None", "Lanczos", "Nearest"} <= set(names(said["upscalers"].body))
    assert all(said[f"drawn_{index}"]["images"][0] for index in range(8))
    assert "Schedule type: Karras" in info_of(said["drawn_0"])["infotexts"][0]
    assert decoded(said["upscaled"]["image"]).size == (128, 128)
    assert said["unknown"]["detail"] == "Sampler not found"
    assert said["no_api"].body == {"detail": "Not Found"}


@client("stable-diffusion-webui-distributed", "memory, scripts, draws as its worker, unknown sampler")
def test_distributed(door: Door) -> None:
    said = replay(door.client, "distributed")
    cuda = said["memory"]["cuda"]
    assert "error" in cuda or {"free", "total"} <= set(cuda["system"])
    assert said["memory"]["ram"]["total"] > said["memory"]["ram"]["used"] > 0
    assert all({"name", "is_alwayson", "is_img2img", "args"} == set(one) for one in said["script_info"].body)
    info = info_of(said["drawn"])
    assert info["all_seeds"] == [11, 12]
    assert info["all_subseeds"] == [5, 6]
    assert info["all_negative_prompts"] == ["blur", "blur"]
    assert len(info["infotexts"]) == 2
    assert said["unknown"]["detail"] == "Sampler not found"


@client("SwarmUI", "lists, switches by title without hash, draws with nulls and a LoRA in the prompt")
def test_swarmui(door: Door, title: str, drawn: str) -> None:
    said = replay(door.client, "swarmui", title_without_hash=title.partition(" [")[0], picture=drawn)
    assert said["options"]["sd_model_checkpoint"] in (title, None, "")
    assert door.get("/sdapi/v1/options")["sd_model_checkpoint"] == title
    assert "Euler" in names(said["samplers"].body)
    assert said["models"][0]["title"] == title
    assert decoded(said["drawn"]["images"][0]).size == decoded(said["redrawn"]["images"][0]).size == (64, 64)
    assert said["drawn"]["parameters"]["subseed_strength"] is None


@client("Auto-Photoshop-SD-Plugin", "probes `/user` and `/config`, lists, ControlNet lists, draws a batch")
def test_photoshop(door: Door) -> None:
    said = replay(door.client, "photoshop")
    assert said["user"].body is None
    assert said["config"]["components"] == []
    assert said["cn_models"]["model_list"] == []
    assert "none" in said["cn_modules"]["module_list"]
    assert set(said["scripts"].body) == {"txt2img", "img2img"}
    assert len(said["drawn"]["images"]) == 2, "more would be taken for ControlNet's annotations"
    assert {"current_image", "progress"} <= set(said["progress"].body)
    assert said["png_info"]["info"].startswith("a red circle")


@client("cyanic-sd-krita", "every list of its start, ControlNet lists, draws, masks, extras")
def test_krita(door: Door) -> None:
    said = replay(door.client, "krita", mask=encoded(half_mask()))
    assert said["progress"]["progress"] == 0
    assert "All" in said["cn_control_types"]["control_types"]
    assert isinstance(said["cn_settings"].body, dict)
    assert decoded(said["redrawn"]["images"][0]).size == (64, 64)
    assert decoded(said["upscaled"]["image"]).size == (128, 128)


@client("kanootoko's Telegram bot", "lists, draws, progress, interrupt with an empty body, extras")
def test_go_telegram_bot(door: Door) -> None:
    said = replay(door.client, "go_telegram")
    assert said["interrupt"].body == {}
    assert said["progress"]["current_image"] is None
    assert info_of(said["drawn"])["infotexts"]
    assert decoded(said["upscaled"]["image"]).size == (128, 128)


@client("sd-webui-go", "the web UI's own probes, options, models, progress, draws")
def test_sd_webui_go(door: Door) -> None:
    said = replay(door.client, "sd_webui_go")
    assert isinstance(said["app_id"]["app_id"], int)
    assert said["queue"]["queue_size"] == 0
    assert said["drawn"]["images"]
    assert info_of(said["drawn"])["seed"] >= 0


@client("image-gen-mcp", "models, options, draws, png-info of the picture, extras of several")
def test_image_gen_mcp(door: Door) -> None:
    said = replay(door.client, "image_gen_mcp")
    assert said["png_info"]["info"] == info_of(said["drawn"])["infotexts"][0]
    assert [decoded(image).size for image in said["upscaled"]["images"]] == [(128, 128)]


@client("text-generation-webui", "lists, unload and reload with a text for a body, draws")
def test_text_generation_webui(door: Door) -> None:
    said = replay(door.client, "text_generation_webui")
    assert said["models"][0].keys() == MODEL_KEYS
    assert (said["unloaded"].body, said["reloaded"].body) == ({}, {})
    assert said["drawn"]["images"]


def test_a_page_of_another_site_gets_no_preflight_by_default(door: Door) -> None:
    answer = door.client.options(
        "/sdapi/v1/txt2img",
        headers={"Origin": "https://lite.koboldai.net", "Access-Control-Request-Method": "POST"},
    )
    assert "access-control-allow-origin" not in httpx.Headers(answer.headers)
