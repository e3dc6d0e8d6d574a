"""Paths from requests lead nowhere (C.2, 8 to 12)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.clients.conftest import ASKED
from tests.clients.pictures import encoded
from tests.clients.servers import Door

S = "/sdapi/v1"
SAVED = {**ASKED, "save_images": True}
FOLDERS = ("outdir_samples", "outdir_txt2img_samples", "outdir_img2img_samples", "outdir_grids",
           "outdir_txt2img_grids", "outdir_save", "outdir_init_images")  # fmt: skip
NAMES = ("samples_filename_pattern", "directories_filename_pattern", "grid_zip_filename_pattern")
FORMATS = ("samples_format", "grid_format")
HOSTILE = (
    "../../escaped", "..\\..\\escaped", "/etc", "//host/share", "\\\\host\\share", "C:escaped", "C:\\escaped",
    "a/../../../escaped", "%2e%2e/%2e%2e/escaped", "~/escaped", "\x00escaped", "escaped\n", "." * 300,
    "[prompt]/../../../escaped", "[styles]", "x" * 5000,
)  # fmt: skip
PROBES = ("../../../etc/passwd", "/etc/passwd", "..\\..\\x", "%2e%2e%2fetc%2fpasswd", "x\x00.safetensors")


BLOB = re.compile(r"\.lock|[0-9a-f]{64}")
WRITTEN = (".png", ".jpg", ".jpeg", ".webp", ".txt", ".csv", ".json")


def everything_below(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.fixture
def surroundings(door: Door) -> Iterator[Path]:
    """The folder around the data folder, which stays as it is but for the data folder."""
    outside = door.data_dir.parent
    links = door.data_dir / "outputs" / "link"
    yield outside
    strangers = [path for path in outside.iterdir() if path != door.data_dir]
    assert strangers == []
    assert not Path("/etc/00000-7.png").exists()
    links.unlink(missing_ok=True)


def save_with(door: Door, options: dict[str, Any]) -> None:
    """Draw with these overrides, and with these options. Either is refused, or what is written is inside."""
    drawn = door.client.post(f"{S}/txt2img", json={**SAVED, "override_settings": options})
    assert drawn.status_code in (200, 422), drawn.text
    before = {name: door.get(f"{S}/options")[name] for name in options}
    changed = door.client.post(f"{S}/options", json=options)
    assert changed.status_code in (200, 422), changed.text
    try:
        again = door.client.post(f"{S}/txt2img", json=SAVED)
        assert again.status_code in (200, 422), again.text
    finally:
        assert door.client.post(f"{S}/options", json=before).status_code == 200


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("options", [FOLDERS, NAMES, FORMATS], ids=["folders", "names", "formats"])
def test_attack_08_options_that_name_paths(
    door: Door, surroundings: Path, options: tuple[str, ...], value: str
) -> None:
    existing = everything_below(door.data_dir)
    save_with(door, dict.fromkeys(options, value))
    for path in everything_below(door.data_dir) - existing:
        assert path.resolve().is_relative_to(door.data_dir.resolve())
        # The folder of blobs names its files by their content, and has a lock.
        own = path.is_relative_to(door.data_dir / "blobs") and BLOB.fullmatch(path.name)
        assert own or path.is_dir() or path.suffix in WRITTEN


@given(name=st.sampled_from((*FOLDERS, *NAMES)), value=st.text(max_size=40))
@settings(max_examples=25, deadline=None, database=None, derandomize=True,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
def test_attack_08_any_text_as_a_path(door: Door, surroundings: Path, name: str, value: str) -> None:
    drawn = door.client.post(f"{S}/txt2img", json={**SAVED, "override_settings": {name: f"../{value}"}})
    assert drawn.status_code in (200, 422), drawn.text
    assert [path for path in surroundings.iterdir() if path != door.data_dir] == []


def test_attack_08_a_link_out_of_the_output_folder(door: Door, tmp_path: Path, surroundings: Path) -> None:
    outputs = door.data_dir / "outputs"
    outputs.mkdir(exist_ok=True)
    (outputs / "link").symlink_to(tmp_path)
    asked = {**SAVED, "override_settings": {"outdir_txt2img_samples": "outputs/link"}}
    answer = door.client.post(f"{S}/txt2img", json=asked)
    assert answer.status_code in (200, 422), answer.text
    assert list(tmp_path.iterdir()) == []


def test_attack_09_no_route_gives_files_out(door: Door) -> None:
    paths = door.get("/openapi.json")["paths"]
    given = [p for path in paths.values() for op in path.values() for p in op.get("parameters", ())]
    # Ids of jobs, numbers in them and names from lists: each is looked up, none becomes a path.
    in_paths = {p["name"] for p in given if p["in"] == "path"}
    assert in_paths == {"job_id", "number", "index", "name"}
    assert {p["name"] for p in given if p["in"] == "query"} == {
        "skip_current_image",
        "state",
        "cursor",
        "limit",
    }
    hostile = ("..%2f..%2fetc%2fpasswd", "%2e%2e", "..%5c..%5cetc", "%2fetc%2fpasswd", "C:%5cwindows", "%00")
    patterns = ("/api/v1/jobs/{}", "/api/v1/jobs/{}/images/0", "/api/v1/jobs/x/images/{}", "/v1/models/{}",
                "/v1/images/files/{}/0", "/v1/images/files/x/{}")  # fmt: skip
    probes = (
        *(pattern.format(name) for pattern in patterns for name in hostile),
        "/file=/etc/passwd", "/file=../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
        "/%252e%252e/etc/passwd", "/sd_extra_networks/thumb?filename=/etc/passwd", "/docs/../../etc/passwd",
        "/outputs/", "/models/", "/serena.toml", "/serena-options.json", "/C:/windows/win.ini", "/x::$DATA",
    )  # fmt: skip
    for probe in probes:
        answer = door.client.get(probe)
        assert answer.status_code in (400, 404, 422), probe
        assert "root:" not in answer.text


def test_attack_10_names_of_uploads_are_not_paths(door: Door, surroundings: Path) -> None:
    picture = encoded(Image.new("RGB", (8, 8)))
    files = [{"data": picture, "name": name} for name in HOSTILE]
    answer = door.client.post(f"{S}/extra-batch-images", json={"imageList": files, "upscaler_1": "None"})
    assert answer.status_code in (200, 422), answer.text
    form = {"file": ("../../escaped.png", base64.b64decode(picture), "application/x-python")}
    for path in ("png-info", "img2img", "extra-single-image"):
        assert door.client.post(f"{S}/{path}", files=form).status_code in (415, 422)


def test_attack_11_names_are_not_paths(door: Door) -> None:
    for probe in PROBES:
        wanted: list[tuple[dict[str, Any], tuple[int, ...]]] = [
            ({"styles": [probe]}, (200,)),
            ({"prompt": f"a <lora:{probe}:1> circle"}, (200, 422)),
            ({"prompt": f"a __{probe}__ <hypernet:{probe}:1>"}, (200, 422)),
            ({"script_name": probe}, (422,)),
            ({"alwayson_scripts": {probe: {"args": []}}}, (422,)),
            ({"sampler_name": probe}, (400,)),
            ({"scheduler": probe}, (400,)),
            ({"override_settings": {"sd_model_checkpoint": probe}}, (404,)),
            ({"override_settings": {"sd_vae": probe}}, (200, 404, 422)),
            ({"override_settings": {"sd_hypernetwork": probe}}, (200, 404, 422)),
            ({"enable_hr": True, "denoising_strength": 0.5, "hr_upscaler": probe}, (422,)),
            ({"refiner_checkpoint": probe, "refiner_switch_at": 0.5}, (404,)),
        ]
        for fields, allowed in wanted:
            answer = door.client.post(f"{S}/txt2img", json={**ASKED, **fields})
            assert answer.status_code in allowed, f"{fields}: {answer.status_code} {answer.text[:300]}"
            assert "root:" not in answer.text


HTML = b"<html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
POLYGLOT = b"GIF89a<script>alert(1)</script>"


@pytest.mark.parametrize("content", [HTML, SVG, POLYGLOT, b"%PDF-1.7", b"\x7fELF", b"PK\x03\x04"])
def test_attack_12_only_pictures_are_taken(door: Door, content: bytes) -> None:
    picture = base64.b64encode(content).decode()
    for path, body in (("img2img", {**ASKED, "init_images": [picture]}), ("png-info", {"image": picture}),
                       ("extra-single-image", {"image": picture, "upscaler_1": "Lanczos"})):  # fmt: skip
        answer = door.client.post(f"{S}/{path}", json=body)
        assert answer.status_code == 422, f"{path}: {answer.status_code} {answer.text[:300]}"
        assert answer.headers["content-type"].startswith("application/json")
        assert "<script>" not in answer.text


def test_attack_12_no_answer_is_sniffed_or_framed(door: Door) -> None:
    for path in (f"{S}/options", "/docs", "/openapi.json", "/nowhere", "/internal/sysinfo-download"):
        headers = door.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "DENY", path
    assert "default-src 'none'" in door.client.get("/docs").headers["content-security-policy"]
    saved = door.client.get("/internal/sysinfo-download").headers["content-disposition"]
    assert saved.startswith("attachment;")
