"""Request bodies that work, shown in the documentation and sent by its test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAFElEQVR4nGM8ISfHgA0wYRUdtBIA0MoBFD5jqJkAAAAASUVORK5CYII="
)
"""A picture of 8 by 8 pixels."""

_FEW_STEPS = {"steps": 4, "seed": 1}
_SMALL = {"width": 64, "height": 64, **_FEW_STEPS}

EXAMPLES: Mapping[tuple[str, str], Any] = {
    ("post", "/sdapi/v1/txt2img"): {"prompt": "a red circle on a blue background", **_SMALL},
    ("post", "/sdapi/v1/img2img"): {"prompt": "a city at night", "init_images": [PIXEL], **_SMALL},
    ("post", "/sdapi/v1/extra-single-image"): {
        "image": PIXEL,
        "upscaler_1": "Lanczos",
        "upscaling_resize": 2,
    },
    ("post", "/sdapi/v1/extra-batch-images"): {
        "imageList": [{"data": PIXEL, "name": "a.png"}],
        "upscaler_1": "Nearest",
        "upscaling_resize": 2,
    },
    ("post", "/sdapi/v1/png-info"): {"image": PIXEL},
    ("post", "/sdapi/v1/interrogate"): {"image": PIXEL, "model": "clip"},
    ("post", "/sdapi/v1/options"): {"samples_format": "png"},
    ("post", "/sdapi/v1/create/embedding"): {"name": "my-style", "num_vectors_per_token": 1},
    ("post", "/sdapi/v1/create/hypernetwork"): {"name": "my-style"},
    ("post", "/sdapi/v1/train/embedding"): {"embedding_name": "my-style"},
    ("post", "/sdapi/v1/train/hypernetwork"): {"hypernetwork_name": "my-style"},
    ("post", "/internal/progress"): {"id_task": "task(txt2img-ABCDEFG)", "id_live_preview": -1},
    ("post", "/api/v1/jobs"): {
        "kind": "txt2img",
        "request": {"prompt": "a red circle on a blue background", **_SMALL},
        "priority": 0,
    },
    ("post", "/api/v1/jobs/batch"): {
        "jobs": [
            {"kind": "txt2img", "request": {"prompt": prompt, **_SMALL}}
            for prompt in ("a red circle", "a blue circle")
        ]
    },
    ("post", "/v1/images/generations"): {"prompt": "a red circle", "size": "64x64", **_FEW_STEPS},
    ("post", "/v1/images/edits"): {"prompt": "a city at night", "image": PIXEL, **_FEW_STEPS},
    ("post", "/v1/images/variations"): {"image": PIXEL, **_FEW_STEPS},
    ("post", "/controlnet/detect"): {"controlnet_module": "none", "controlnet_input_images": [PIXEL]},
}
"""By method and path; every route that takes a body is here."""
