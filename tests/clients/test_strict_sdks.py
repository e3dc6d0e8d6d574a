"""SDKs that decode into fixed types: one key too many, one null or one fraction, and they fail.

The models say what those SDKs declare; pydantic decodes as strictly as they do.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import BaseModel, ConfigDict, NonNegativeInt, TypeAdapter

from tests.clients.servers import Door

RUN = "strict decoding of recorded requests"
S = "/sdapi/v1"
DRAW = {"prompt": "a red circle", "width": 64, "height": 64, "steps": 4, "seed": 7}


class Rust(BaseModel):
    """serde: unknown keys pass, an integer takes no fraction."""

    model_config = ConfigDict(strict=True, extra="ignore", protected_namespaces=())


class RustParameters(Rust):
    prompt: str
    negative_prompt: str
    styles: list[str] | None
    seed: int
    subseed: int
    subseed_strength: NonNegativeInt | None
    seed_resize_from_h: int
    seed_resize_from_w: int
    sampler_name: str | None
    batch_size: NonNegativeInt
    n_iter: NonNegativeInt
    steps: NonNegativeInt
    cfg_scale: float
    width: NonNegativeInt
    height: NonNegativeInt
    restore_faces: bool | None
    tiling: bool | None
    do_not_save_samples: bool
    do_not_save_grid: bool
    eta: NonNegativeInt | None
    denoising_strength: float | None
    override_settings: dict[str, Any] | None
    override_settings_restore_afterwards: bool
    sampler_index: str
    script_name: str | None
    script_args: list[Any]
    send_images: bool
    save_images: bool
    alwayson_scripts: dict[str, Any]


class RustTxt2Img(RustParameters):
    enable_hr: bool
    hr_scale: float
    hr_upscaler: str | None
    hr_second_pass_steps: NonNegativeInt
    hr_resize_x: NonNegativeInt
    hr_resize_y: NonNegativeInt
    hr_prompt: str
    hr_negative_prompt: str


class RustInfo(Rust):
    prompt: str
    all_prompts: list[str]
    negative_prompt: str
    all_negative_prompts: list[str]
    seed: int
    all_seeds: list[int]
    subseed: int
    all_subseeds: list[int]
    subseed_strength: NonNegativeInt
    width: NonNegativeInt
    height: NonNegativeInt
    sampler_name: str
    cfg_scale: float
    steps: NonNegativeInt
    batch_size: NonNegativeInt
    restore_faces: bool
    face_restoration_model: str | None
    sd_model_hash: str
    seed_resize_from_w: int
    seed_resize_from_h: int
    denoising_strength: float | None
    index_of_first_image: NonNegativeInt
    infotexts: list[str]
    styles: list[str]
    job_timestamp: str
    clip_skip: NonNegativeInt
    is_using_inpainting_conditioning: bool


class Kotlin(BaseModel):
    """kotlinx.serialization: unknown keys pass; a required key must be there and not null."""

    model_config = ConfigDict(strict=True, extra="ignore", protected_namespaces=())


class KotlinModel(Kotlin):
    title: str
    model_name: str
    hash: str
    sha256: str
    filename: str


class KotlinState(Kotlin):
    skipped: bool
    interrupted: bool
    job: str
    job_count: int
    job_timestamp: str
    job_no: int
    sampling_step: int
    sampling_steps: int


class KotlinProgress(Kotlin):
    progress: float
    eta_relative: float
    state: KotlinState


class KotlinImages(Kotlin):
    images: list[str]
    parameters: dict[str, Any]
    info: str


class KotlinScripts(Kotlin):
    txt2img: list[str]
    img2img: list[str]


class KotlinNamed(Kotlin):
    name: str


class KotlinSampler(KotlinNamed):
    aliases: list[str]
    options: dict[str, str]


class KotlinLora(KotlinNamed):
    alias: str
    path: str
    metadata: dict[str, Any]


class KotlinEmbedding(Kotlin):
    shape: int
    vectors: int


class KotlinEmbeddings(Kotlin):
    loaded: dict[str, KotlinEmbedding]
    skipped: dict[str, KotlinEmbedding]


class KotlinVae(Kotlin):
    model_name: str
    filename: str


class KotlinScriptInfo(KotlinNamed):
    is_alwayson: bool
    is_img2img: bool
    args: list[dict[str, Any]]


class KotlinExtra(Kotlin):
    html_info: str
    image: str


class Java(BaseModel):
    """Jackson as it comes: a key that the class does not have is an error."""

    model_config = ConfigDict(strict=True, extra="forbid", protected_namespaces=())


class JavaModel(Java):
    title: str
    model_name: str
    hash: str
    sha256: str
    filename: str
    config: str | None


class JavaFaceRestorer(Java):
    name: str
    cmd_dir: str | None


class JavaImages(Java):
    images: list[str]
    parameters: dict[str, Any]
    info: str


class JavaError(Java):
    error: str
    detail: str
    body: str
    errors: str


class JavaComplaint(Java):
    loc: list[str | int]
    msg: str
    type: str


class JavaInvalid(Java):
    detail: list[JavaComplaint]


KOTLIN_LISTS: dict[str, type[Kotlin]] = {
    "samplers": KotlinSampler,
    "sd-models": KotlinModel,
    "sd-vae": KotlinVae,
    "loras": KotlinLora,
    "upscalers": KotlinNamed,
    "latent-upscale-modes": KotlinNamed,
    "realesrgan-models": KotlinNamed,
    "prompt-styles": KotlinNamed,
    "hypernetworks": KotlinNamed,
    "face-restorers": KotlinNamed,
    "script-info": KotlinScriptInfo,
}
LISTED = {"samplers", "sd-models", "loras", "upscalers", "latent-upscale-modes", "prompt-styles"}
"""Lists that have entries in the data folder of these tests."""


def of(name: str, shows: str) -> pytest.MarkDecorator:
    return pytest.mark.client(name, run=RUN, shows=shows)


RUST = "stable-diffusion-api (Rust) and stable-diffusion-bot"
KOTLIN, JAVA = "sdwebui-kotlin", "sdwebui-java-sdk"


@of(RUST, "txt2img: whole numbers stay whole")
def test_rust_txt2img(door: Door) -> None:
    answer = door.post(f"{S}/txt2img", DRAW)
    assert RustTxt2Img.model_validate(answer["parameters"]).subseed_strength == 0
    info = RustInfo.model_validate_json(answer["info"])
    assert (info.seed, info.all_seeds) == (7, [7])


@of(RUST, "img2img")
def test_rust_img2img(door: Door, drawn: str) -> None:
    answer = door.post(f"{S}/img2img", {**DRAW, "init_images": [drawn]})
    assert RustParameters.model_validate(answer["parameters"]).denoising_strength == 0.75
    assert RustInfo.model_validate_json(answer["info"]).denoising_strength == 0.75


@of(KOTLIN, "embeddings, scripts")
def test_kotlin_objects(door: Door) -> None:
    assert KotlinEmbeddings.model_validate(door.get(f"{S}/embeddings")).loaded["calm"].vectors == 2
    KotlinScripts.model_validate(door.get(f"{S}/scripts"))
    for name in ("memory", "cmd-flags", "options"):
        assert isinstance(door.get(f"{S}/{name}"), dict)
    assert isinstance(door.get(f"{S}/extensions"), list)


@of(KOTLIN, "progress")
def test_kotlin_progress(door: Door) -> None:
    assert KotlinProgress.model_validate(door.get(f"{S}/progress")).state.job_count == 0


@of(KOTLIN, "every list")
def test_kotlin_reads_every_list(door: Door) -> None:
    for name, kind in KOTLIN_LISTS.items():
        entries = door.get(f"{S}/{name}")
        assert entries or name not in LISTED, name
        for entry in entries:
            kind.model_validate(entry)


@of(KOTLIN, "txt2img, img2img, extras")
def test_kotlin_pictures(door: Door, drawn: str) -> None:
    assert KotlinImages.model_validate(door.post(f"{S}/txt2img", DRAW)).images
    again = door.post(f"{S}/img2img", {**DRAW, "init_images": [drawn]})
    assert KotlinImages.model_validate(again).images
    asked = {"image": drawn, "upscaler_1": "Lanczos", "upscaling_resize": 2}
    assert KotlinExtra.model_validate(door.post(f"{S}/extra-single-image", asked)).image


@of(JAVA, "txt2img and img2img without one key too many")
def test_java_pictures(door: Door, drawn: str) -> None:
    images = JavaImages.model_validate(door.post(f"{S}/txt2img", DRAW))
    assert images.images
    JavaImages.model_validate(door.post(f"{S}/img2img", {**DRAW, "init_images": [drawn]}))


@of(JAVA, "models, face restorers")
def test_java_lists(door: Door) -> None:
    assert TypeAdapter(list[JavaModel]).validate_python(door.get(f"{S}/sd-models"))
    TypeAdapter(list[JavaFaceRestorer]).validate_python(door.get(f"{S}/face-restorers"))


@of(JAVA, "sysinfo")
def test_java_system_information(door: Door) -> None:
    found = door.get("/internal/sysinfo")
    assert all(isinstance(found[key], str) and found[key] for key in ("Version", "Platform", "Python"))


ERRORS = (
    (f"{S}/img2img", {"prompt": "x"}),
    (f"{S}/txt2img", {**DRAW, "sampler_name": "nobody"}),
    (f"{S}/txt2img", {**DRAW, "width": -1}),
    (f"{S}/png-info", {"image": "!"}),
    (f"{S}/options", {"nobody": 1}),
    (f"{S}/extra-single-image", {"image": ""}),
)
INVALID = (
    (f"{S}/txt2img", {**DRAW, "steps": "many"}),
    (f"{S}/txt2img", {**DRAW, "alwayson_scripts": 7}),
    (f"{S}/png-info", {}),
)


@of(JAVA, "errors of both shapes")
def test_java_errors(door: Door) -> None:
    for path, body in ERRORS:
        JavaError.model_validate(error_of(door.client, path, body))
    for path, body in INVALID:
        JavaInvalid.model_validate(error_of(door.client, path, body))


def error_of(client: httpx.Client, path: str, body: dict[str, Any]) -> Any:
    answer = client.post(path, json=body)
    assert 400 <= answer.status_code < 500, f"{path}: {answer.status_code} {answer.text}"
    return answer.json()
