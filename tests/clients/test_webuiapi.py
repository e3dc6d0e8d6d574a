"""webuiapi from PyPI, unmodified: every method that is not of an extension, and what it returns."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import webuiapi
from PIL import Image

from tests.clients.conftest import PASSWORD, USER
from tests.clients.pictures import half_mask
from tests.clients.servers import Door

NAME = "webuiapi 0.9.17 (PyPI)"
SMALL = {"width": 64, "height": 64, "steps": 4}
RED = Image.new("RGB", (64, 64), (200, 30, 30))

pytestmark = pytest.mark.client(NAME, run="the package, in Python")


def connect(door: Door, **more: str) -> webuiapi.WebUIApi:
    where = urlsplit(door.url)
    return webuiapi.WebUIApi(host=where.hostname, port=where.port, **more)


@pytest.fixture
def api(door: Door) -> Iterator[webuiapi.WebUIApi]:
    made = connect(door)
    yield made
    made.session.close()


def test_txt2img(api: webuiapi.WebUIApi) -> None:
    result = api.txt2img(prompt="a red circle", negative_prompt="blur", seed=7, **SMALL)
    assert result.image.size == (64, 64)
    assert result.image.info["parameters"].startswith("a red circle\nNegative prompt: blur\nSteps: 4")
    assert (result.parameters["seed"], result.parameters["sampler_name"]) == (7, "Euler a")
    assert (result.info["seed"], result.info["all_seeds"]) == (7, [7])
    assert set(result.json) == {"images", "parameters", "info"}


def test_txt2img_with_hires(api: webuiapi.WebUIApi) -> None:
    result = api.txt2img(
        prompt="a red circle",
        enable_hr=True,
        hr_scale=2,
        hr_upscaler=webuiapi.HiResUpscaler.Latent,
        hr_second_pass_steps=2,
        denoising_strength=0.6,
        **SMALL,
    )
    assert result.image.size == (128, 128)


def test_txt2img_of_a_batch(api: webuiapi.WebUIApi) -> None:
    result = api.txt2img(prompt="a red circle", seed=3, batch_size=2, n_iter=2, **SMALL)
    assert len(result.images) == 4
    assert result.info["all_seeds"] == [3, 4, 5, 6]


def test_img2img(api: webuiapi.WebUIApi) -> None:
    result = api.img2img(images=[RED], prompt="a blue circle", denoising_strength=0.5, **SMALL)
    assert result.image.size == (64, 64)
    assert result.parameters["init_images"] is None
    assert result.info["denoising_strength"] == 0.5


def test_img2img_with_a_mask(api: webuiapi.WebUIApi) -> None:
    result = api.img2img(
        images=[RED],
        mask_image=half_mask(),
        mask_blur=0,
        inpainting_fill=1,
        inpaint_full_res=False,
        prompt="a blue circle",
        **SMALL,
    )
    kept = result.image.convert("RGB").getpixel((60, 32))
    assert isinstance(kept, tuple)
    assert all(abs(seen - put) <= 40 for seen, put in zip(kept, (200, 30, 30), strict=True))


def test_extra_single_image(api: webuiapi.WebUIApi) -> None:
    result = api.extra_single_image(RED, upscaler_1=webuiapi.Upscaler.Lanczos, upscaling_resize=2)
    assert result.image.size == (128, 128)
    assert result.info == "<p>Postprocess upscale by: 2.0, Postprocess upscaler: Lanczos</p>"


def test_extra_batch_images(api: webuiapi.WebUIApi) -> None:
    result = api.extra_batch_images(
        [RED, RED.resize((32, 64))], upscaler_1=webuiapi.Upscaler.Nearest, upscaling_resize=1.5
    )
    assert [image.size for image in result.images] == [(96, 96), (48, 96)]
    assert "Postprocess upscaler: Nearest" in result.info


def test_png_info(api: webuiapi.WebUIApi) -> None:
    drawn = api.txt2img(prompt="a red circle", seed=7, **SMALL)
    result = api.png_info(drawn.image)
    assert result.info == drawn.info["infotexts"][0]
    assert result.parameters["Seed"] == "7"


def test_png_info_of_a_picture_without_one(api: webuiapi.WebUIApi) -> None:
    assert api.png_info(RED).info == ""


def test_interrogate(api: webuiapi.WebUIApi) -> None:
    """Without a caption model the answer says what is missing, and the client raises it."""
    with pytest.raises(RuntimeError) as refused:
        api.interrogate(RED)
    status, text = refused.value.args
    assert 400 <= status < 600
    assert status != 500
    assert "caption" in text or "interrogat" in text


def test_interrupt_and_skip(api: webuiapi.WebUIApi) -> None:
    assert api.interrupt() == {}
    assert api.skip() is None


def test_options(api: webuiapi.WebUIApi) -> None:
    before = api.get_options()
    assert api.set_options({"CLIP_stop_at_last_layers": 2}) is None
    assert api.get_options()["CLIP_stop_at_last_layers"] == 2
    assert api.set_options(before) is None
    assert api.get_options() == before


def test_cmd_flags(api: webuiapi.WebUIApi) -> None:
    assert api.get_cmd_flags()["api"] is True


def test_progress(api: webuiapi.WebUIApi) -> None:
    found = api.get_progress()
    assert found["progress"] == 0.0
    assert found["state"]["job_count"] == 0


def test_wait_for_ready(api: webuiapi.WebUIApi) -> None:
    assert api.util_wait_for_ready(check_interval=0.1) is None


def test_samplers_and_schedulers(api: webuiapi.WebUIApi) -> None:
    assert "Euler a" in api.util_get_sampler_names()
    assert {"automatic", "karras"} <= set(api.util_get_scheduler_names())
    assert {"name", "aliases", "options"} == set(api.get_samplers()[0])
    assert {"name", "label", "aliases", "default_rho", "need_inner_model"} == set(api.get_schedulers()[0])


def test_models(api: webuiapi.WebUIApi) -> None:
    names = api.util_get_model_names()
    assert api.refresh_checkpoints() is None
    assert api.util_get_model_names() == names
    api.util_set_model(names[0], find_closest=False)
    assert api.util_get_current_model() == names[0]
    api.util_set_model(names[0].upper())
    assert api.util_get_current_model() == names[0]


def test_upscalers(api: webuiapi.WebUIApi) -> None:
    names = [found["name"] for found in api.get_upscalers()]
    assert names[:3] == ["None", "Lanczos", "Nearest"]
    modes = [found["name"] for found in api.get_latent_upscale_modes()]
    assert [mode.value for mode in webuiapi.HiResUpscaler if mode.value.startswith("Latent")] == modes


def test_loras_and_embeddings(api: webuiapi.WebUIApi) -> None:
    lora = api.get_loras()[0]
    assert (lora["name"], lora["alias"]) == ("ink", "ink-alias")
    assert lora["metadata"]["ss_base_model_version"] == "sd_v1"
    assert api.get_embeddings()["loaded"]["calm"]["vectors"] == 2


def test_styles(api: webuiapi.WebUIApi) -> None:
    assert api.get_prompt_styles()[-1]["name"] == "warm"
    result = api.txt2img(prompt="a red circle", styles=["warm"], **SMALL)
    assert result.info["prompt"] == "a red circle, warm light"


@pytest.mark.parametrize(
    "method", ["get_sd_vae", "get_hypernetworks", "get_face_restorers", "get_realesrgan_models"]
)
def test_lists(api: webuiapi.WebUIApi, method: str) -> None:
    assert isinstance(getattr(api, method)(), list)


def test_scripts(api: webuiapi.WebUIApi) -> None:
    assert set(api.get_scripts()) == {"txt2img", "img2img"}
    assert {api.has_controlnet, api.has_adetailer, api.has_animatediff} == {False}


def test_memory(api: webuiapi.WebUIApi) -> None:
    found = api.get_memory()
    assert found["ram"]["total"] > 0
    assert found["cuda"]


def test_what_the_reference_does_not_have_either(api: webuiapi.WebUIApi) -> None:
    assert api.get_artists() == api.get_artist_categories() == {"detail": "Not Found"}


def test_controlnet_lists(api: webuiapi.WebUIApi) -> None:
    assert isinstance(api.controlnet_version(), int)
    assert api.controlnet_model_list() == []
    assert "none" in api.controlnet_module_list()


def test_controlnet_detect(api: webuiapi.WebUIApi) -> None:
    """The client calls the pictures ``controlnet_images``, which the extension does not read either."""
    with pytest.raises(RuntimeError) as refused:
        api.controlnet_detect([RED])
    status, text = refused.value.args
    assert (status, "No image selected" in text) == (422, True)


def test_controlnet_in_a_request(api: webuiapi.WebUIApi) -> None:
    off = webuiapi.ControlNetUnit(image=RED, enabled=False)
    drawn = api.txt2img(prompt="a red circle", alwayson_scripts={}, controlnet_units=[off], **SMALL)
    assert drawn.image.size == (64, 64)
    with pytest.raises(RuntimeError) as refused:
        api.txt2img(alwayson_scripts={}, controlnet_units=[webuiapi.ControlNetUnit(image=RED)], **SMALL)
    assert refused.value.args[0] == 422
    assert "Script 'ControlNet' not found" in refused.value.args[1]


def test_adetailer_in_a_request(api: webuiapi.WebUIApi) -> None:
    off = webuiapi.ADetailer(ad_model="None")
    drawn = api.txt2img(prompt="a red circle", alwayson_scripts={}, adetailer=[off], **SMALL)
    assert drawn.image.size == (64, 64)


def test_custom_calls(api: webuiapi.WebUIApi) -> None:
    assert api.custom_get("sdapi/v1/memory")["ram"]
    assert api.custom_get("samplers", baseurl=True)
    assert api.custom_post("txt2img", payload={"prompt": "x", **SMALL}, baseurl=True).image


def test_an_error_has_the_status_and_the_text(api: webuiapi.WebUIApi) -> None:
    with pytest.raises(RuntimeError) as refused:
        api.txt2img(sampler_name="nobody", **SMALL)
    assert refused.value.args[0] == 400
    assert "Sampler not found" in refused.value.args[1]


def test_password(guarded: Door) -> None:
    api = connect(guarded, username=USER, password=PASSWORD)
    try:
        assert api.txt2img(prompt="a red circle", **SMALL).image.size == (64, 64)
        assert api.get_options()["samples_format"] == "png"
    finally:
        api.session.close()


def test_wrong_password(guarded: Door) -> None:
    api = connect(guarded, username=USER, password="wrong")
    try:
        with pytest.raises(RuntimeError) as refused:
            api.txt2img(prompt="a red circle", **SMALL)
    finally:
        api.session.close()
    assert refused.value.args[0] == 401
