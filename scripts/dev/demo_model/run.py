"""The stages of a training run, and the order they come in."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from transformers import CLIPTextModel, CLIPTokenizer

from . import data, evaluate, export, gate, latents, text, tokenizer, unet, vae
from .paths import RunFolder
from .runlog import RunLog, draw_curves
from .training import Deadline, Machine

STAGES = ("world", "tokenizer", "vae", "text", "unet", "score", "export")
MINUTE_SHARES = {"vae": 0.25, "text": 0.05, "unet": 0.7}
SIDE = 128  # the size that the goals are set for
GATE_PICTURES = 150
GATE_SHAPE = 0.95
GATE_PSNR = 31.0


@dataclass(frozen=True)
class Options:
    """The command line."""

    stages: tuple[str, ...] = STAGES
    run: Path = Path("runs/demo-model")
    seed: int = 1
    device: str = "auto"
    threads: int = 1
    minutes: float | None = None
    resume: bool = False
    resume_from_pipeline: Path | None = None
    decoder_steps: int | None = None
    unet_steps: int | None = None
    loss_floor: float = 1.0
    world_share: float = 1.0
    pipeline: Path | None = None
    captions: int = 500
    seeds: int = 3
    side: int = 128
    checks: bool = True


class Run:
    """One run: the folder, the log, the progress bar, and a method for every stage."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.folder = RunFolder(options.run)
        self.log = RunLog(self.folder.log)
        self.machine = Machine.choose(options.device, options.threads)
        self.console = Console()
        self.world_folder = self.folder.part("world")
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[values]}"),
            console=self.console,
        )
        self._tasks: dict[str, int] = {}

    def go(self) -> None:
        """Run the chosen stages in order."""
        for stage in self.options.stages:
            started = time.monotonic()
            self.log.write("run", event="start", name=stage, options=_plain(self.options))
            with self._bar:
                getattr(self, stage)()
            self.log.write("run", event="end", name=stage, seconds=round(time.monotonic() - started, 1))
        draw_curves(self.log, self.options.run / "curves.png")

    # Stages

    def world(self) -> None:
        data.write_world(self.world_folder, self.options.seed, self._progress, self.options.world_share)

    def tokenizer(self) -> None:
        tokenizer.write(self.folder.part("tokenizer"))

    def vae(self) -> None:
        """Both phases, then the gate: nothing is gained by a UNet on latents that cannot hold a shape."""
        deadline = self._deadline("vae")
        settings = vae.VaeSettings()
        if self.options.decoder_steps:
            settings = vae.VaeSettings(decoder_steps=self.options.decoder_steps)
        trainer = vae.VaeTrainer(
            self.folder.part("vae"), self.world_folder, self.options.seed, self.machine, settings,
            self.log, self._report("vae"),
        )  # fmt: skip
        joint = trainer.joint(deadline, resume=self.options.resume)
        mean, covariance = latents.statistics(joint, self.world_folder, self.machine)
        torch.save({"mean": mean, "covariance": covariance}, self._vae_part("statistics.pt"))
        final = trainer.decoder(deadline, resume=self.options.resume)
        latents.fold_whitening(final, mean, covariance)
        final.save_pretrained(self._vae_part("final"))
        self._gate(final)

    def text(self) -> None:
        text.train(
            self.folder.part("text"), self._tokenizer(), self.options.seed, self.machine, text.TextSettings(),
            self._deadline("text"), self.log, self._report("text"), resume=self.options.resume,
        )  # fmt: skip

    def unet(self) -> None:
        stored = self.folder.part("latents")
        latents.write(self._vae(), self.world_folder, stored, self.machine, self._progress)
        batches = unet.Batches(self.world_folder, stored, self._tokenizer(), self.options.seed)
        settings = unet.UnetSettings(floor=self.options.loss_floor)
        if self.options.unet_steps:
            settings = replace(settings, steps=self.options.unet_steps)
        trainer = unet.UnetTrainer(
            self.folder.part("unet"), batches, self._text(), self.options.seed, self.machine, settings,
            self.log, self._report("unet"),
        )  # fmt: skip
        source = self.options.resume_from_pipeline
        loop = trainer.start(
            UNet2DConditionModel.from_pretrained(source, subfolder="unet").float() if source else None
        )
        if self.options.resume and loop.path.exists():
            loop.load()
        trainer.train(loop, self._deadline("unet"))

    def score(self) -> None:
        """Print the table, and keep it as JSON next to the contact sheet."""
        painter = self._painter()
        plan = evaluate.Plan.of(self.options.captions, self.options.seeds)
        values = evaluate.table(painter.judged, plan)
        if self.options.checks:
            values |= self._side_checks(painter, plan)
        self.log.write("score", pipeline=str(self.options.pipeline or "run"), side=painter.side, **values)
        name = "score" if painter.side == SIDE else f"score-{painter.side}"
        (self.options.run / f"{name}.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        images = painter.draw(
            "sheet", [evaluate.Wish(caption, 7 + i) for i, caption in enumerate(evaluate.SHOWN)]
        )
        sheet = name.replace("score", "sheet")
        evaluate.contact_sheet(images, list(evaluate.SHOWN)).save(self.options.run / f"{sheet}.png")
        self.console.print(_rich_table(values))

    def export(self) -> None:
        sizes = export.write(self._assembled(), self.folder.part("export"))
        self.log.write("export", **sizes)

    # Parts

    def _side_checks(self, painter: evaluate.Painter, plan: evaluate.Plan) -> dict[str, float]:
        small = evaluate.Plan(min(plan.one, 50), min(plan.two, 25), min(plan.scene, 25), 1, plan.caption_seed)
        shuffled = evaluate.shuffled_table(painter.judged, small)
        with evaluate.with_guidance(painter, 1.0) as unguided:
            weak = evaluate.table(unguided.judged, small)
        values = {f"shuffled_{name}": value for name, value in shuffled.items()}
        values |= {f"guidance_1_{name}": value for name, value in weak.items()}
        same = evaluate.table(painter.judged, small)
        values |= {f"guidance_5_{name}": value for name, value in same.items()}
        values |= evaluate.negative_test(painter.judged)
        return values | {"diversity": evaluate.diversity(painter.judged)}

    def _gate(self, model: AutoencoderKL) -> None:
        result = gate.round_trip(model, self.machine, GATE_PICTURES)
        self.log.write("gate", **result)
        self.console.print(_rich_table(result))
        if result["shape"] < GATE_SHAPE * result["shape_of_originals"] or result["psnr"] < GATE_PSNR:
            self.console.print(
                "[bold red]The autoencoder does not pass its gate: train it longer before the UNet."
            )

    def _painter(self) -> evaluate.Painter:
        if self.options.pipeline:
            painter = evaluate.Painter.load(self.options.pipeline, self.machine)
        else:
            painter = evaluate.Painter(self._assembled().to(self.machine.device), self.machine)
        painter.progress = self._progress
        return replace(painter, side=self.options.side, batch=max(1, 12 * SIDE // self.options.side))

    def _assembled(self) -> StableDiffusionPipeline:
        trained = UNet2DConditionModel.from_pretrained(self.folder.part("unet") / "averaged")
        return export.assemble(self._vae(), self._text(), self._tokenizer(), trained)

    def _vae_part(self, name: str) -> Path:
        return self.folder.part("vae") / name

    def _vae(self) -> AutoencoderKL:
        source = self.options.resume_from_pipeline
        folder = source / "vae" if source else self._vae_part("final")
        return AutoencoderKL.from_pretrained(folder, torch_dtype=torch.float32).to(self.machine.device).eval()

    def _text(self) -> CLIPTextModel:
        source = self.options.resume_from_pipeline
        folder = source / "text_encoder" if source else self.folder.part("text")
        return CLIPTextModel.from_pretrained(folder, dtype=torch.float32).eval()

    def _tokenizer(self) -> CLIPTokenizer:
        source = self.options.resume_from_pipeline
        return tokenizer.load(source / "tokenizer" if source else self.folder.part("tokenizer"))

    def _deadline(self, stage: str) -> Deadline:
        if self.options.minutes is None:
            return Deadline(None)
        shares = {name: share for name, share in MINUTE_SHARES.items() if name in self.options.stages}
        return Deadline(self.options.minutes * shares[stage] / sum(shares.values()))

    # Progress

    def _progress(self, name: str, done: int, total: int, values: str = "") -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bar.add_task(name, total=total, values=values)
        self._bar.update(self._tasks[name], completed=done, total=total, values=values)  # type: ignore[arg-type]

    def _report(self, stage: str) -> Callable[[int, int, dict[str, float]], None]:
        def report(step: int, total: int, values: dict[str, float]) -> None:
            self._progress(
                stage, step, total, " ".join(f"{name} {value:.4g}" for name, value in values.items())
            )

        return report


def _plain(options: Options) -> dict[str, object]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()}


def _rich_table(values: dict[str, float]) -> Table:
    table = Table("number", "value")
    for name, value in values.items():
        table.add_row(name, f"{value:.4g}")
    return table
