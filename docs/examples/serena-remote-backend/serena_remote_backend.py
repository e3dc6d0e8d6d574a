# serena_remote_backend.py
"""Draws on another Serena."""

import io
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from PIL import Image

from serena import BackendError, Interrupted, InvalidRequest, InvalidValue, RasterImage, SerenaError, Settings
from serena.backend import BackendInfo, BackendSpec, Batch, ModelIdentity, ModelRef, PreparedRun, RunWatch
from serena.client import Client, Img2ImgRequest, JobView, Txt2ImgRequest, picture

URL, KEY = "SERENA_REMOTE_URL", "SERENA_REMOTE_KEY"
MODEL = ModelRef(ModelIdentity(name="remote", sha256="0" * 64), location="remote")
PAUSE = 0.05


class RemoteSerena:
    """Every picture is a job there. Several threads may draw at once, as they may share a client."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def describe(self) -> BackendInfo:
        return BackendInfo(name="remote", device="another Serena", max_runs=4, infotext={})

    def load(self, model: ModelRef) -> None:
        """The other Serena loads what it draws with; here it only has to answer."""
        with errors_told():
            self._client.queue()

    def close(self) -> None:
        """Nothing is held that another could use; a run may come again."""

    def execute_run(self, run: PreparedRun, batch: Batch, watch: RunWatch) -> Sequence[RasterImage]:
        check(run, batch)
        steps = Steps(watch, run.plan.steps, len(batch.seeds))
        drawn: list[RasterImage] = []
        with errors_told():
            for index in range(len(batch.seeds)):
                job = self._client.submit(request_of(run, batch, index))
                try:
                    job = self._watched(job, index, steps)
                except Interrupted:
                    self._client.cancel(job.id)
                    return [*drawn, *self._pictures(self._client.wait(job.id))]
                drawn += self._pictures(job)
        return drawn

    def _watched(self, job: JobView, index: int, steps: "Steps") -> JobView:
        """The job at its end. Raises what it failed with, and ``Interrupted``."""
        preview = partial(self._preview, job.id)
        while job.progress is not None:
            steps.reach(index + job.progress.fraction, preview)
            time.sleep(PAUSE)
            job = self._client.get(job.id)
        job = self._client.wait(job.id)
        steps.reach(index + 1, preview)
        return job

    def _preview(self, job_id: str) -> RasterImage:
        """Called only if somebody looks, maybe when the job has ended."""
        try:
            return raster(self._client.preview(job_id))
        except SerenaError:
            return RasterImage(1, 1, "RGB", b"\x80\x80\x80")

    def _pictures(self, job: JobView) -> list[RasterImage]:
        return [raster(data) for data in self._client.images(job)]


class Steps:
    """Tells the watch of each step once, and asks it before each whether to go on."""

    def __init__(self, watch: RunWatch, steps: int, pictures: int) -> None:
        self._watch, self._steps, self._done = watch, steps, 0
        watch.begin_pass(steps * pictures)

    def reach(self, drawn: float, preview: Callable[[], RasterImage]) -> None:
        """So many pictures are drawn, the last one maybe in part."""
        while self._done < int(drawn * self._steps):
            self._watch.check()
            self._done += 1
            self._watch.step(self._done, preview)
        self._watch.check()


@contextmanager
def errors_told() -> Iterator[None]:
    """A request that is wrong there is wrong here too; all else is the backend's failure."""
    try:
        yield
    except (BackendError, Interrupted, InvalidRequest):
        raise
    except SerenaError as error:
        raise BackendError(f"the other Serena: {error}") from error


def check(run: PreparedRun, batch: Batch) -> None:
    """What this backend cannot do it refuses, and says what would do: the infotext names it."""
    vae = run.options.text("sd_vae")
    if vae not in ("", "Automatic", "None"):
        raise InvalidValue("sd_vae", vae, "the other Serena draws with its own VAE; it must be Automatic")
    for lora in batch.extras.get("loras", ()):
        raise InvalidValue("prompt", f"<lora:{lora.name}>", "LoRAs of this machine stay here; leave it out")
    if run.hires is not None:
        raise InvalidValue("enable_hr", True, "the remote backend draws one pass; it must be false")
    if run.refiner is not None:
        raise InvalidValue("refiner_checkpoint", run.refiner.model.identity.name, "it must be empty")


def request_of(run: PreparedRun, batch: Batch, index: int) -> Txt2ImgRequest | Img2ImgRequest:
    """One picture of the batch, as a request of its own."""
    asked, init = run.request, run.init
    options = {name: x for name, x in asked.override_settings.items() if name != "sd_model_checkpoint"}
    fields = {
        "prompt": batch.prompts[index],
        "negative_prompt": batch.negative_prompts[index],
        "seed": batch.seeds[index],
        "subseed": batch.subseeds[index],
        "subseed_strength": asked.subseed_strength,
        "sampler_name": run.plan.sampler.name,
        "scheduler": asked.scheduler,
        "steps": run.plan.steps,
        "cfg_scale": asked.cfg_scale,
        "width": asked.width,
        "height": asked.height,
        "override_settings": options,
    }
    if init is None:
        return Txt2ImgRequest(**fields)
    start = init.images[min(index, len(init.images) - 1)]
    return Img2ImgRequest(
        **fields,
        init_images=[png(start)],
        mask=png(init.mask) if init.mask else None,
        mask_blur_x=0,
        mask_blur_y=0,
        inpaint_full_res=False,
        inpainting_fill=init.masked_content,
        denoising_strength=init.denoising_strength,
    )


def raster(data: bytes) -> RasterImage:
    with Image.open(io.BytesIO(data)) as image:
        return RasterImage(image.width, image.height, "RGB", image.convert("RGB").tobytes())


def png(image: RasterImage) -> str:
    """As requests carry pictures."""
    data = io.BytesIO()
    Image.frombytes(image.mode, image.size, image.pixels).save(data, "PNG")
    return picture(data.getvalue())


def create(settings: Settings) -> RemoteSerena:
    return RemoteSerena(Client(os.environ[URL], api_key=os.environ.get(KEY)))


def unavailable() -> str | None:
    return None if os.environ.get(URL) else f"{URL} does not say where the other Serena is"


spec = BackendSpec(name="remote", create=create, unavailable=unavailable, own_models=(MODEL,))
