"""Trains the built-in demo model from nothing, in stages, on a CPU or a GPU.

    python scripts/dev/train_demo_model.py                      # everything, hours on one core
    python scripts/dev/train_demo_model.py --resume --minutes 60
    python scripts/dev/train_demo_model.py --stage score        # prints the table
    python scripts/dev/train_demo_model.py --stage unet --resume-from-pipeline adapters/models/builtin/demo

Stages: world, tokenizer, vae, text, unet, score, export. Schedules go by step and everything is seeded; the
same seed gives the same quality on another machine, not the same bits. See docs/reference/demo-model.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from demo_model.run import STAGES, Options, Run


def options(arguments: list[str] | None = None) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Train the built-in demo model.")
    parser.add_argument("--stage", action="append", choices=STAGES, help="only this stage (may be repeated)")
    parser.add_argument("--run", type=Path, default=Path("runs/demo-model"), help="folder of the run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--minutes", type=float, help="budget, shared out among the training stages")
    parser.add_argument("--resume", action="store_true", help="go on where the run stopped")
    parser.add_argument(
        "--resume-from-pipeline", type=Path, help="start from the weights of an exported pipeline"
    )
    parser.add_argument("--decoder-steps", type=int, help="length of the schedule of the decoder alone")
    parser.add_argument("--unet-steps", type=int, help="length of the UNet's schedule")
    parser.add_argument("--loss-floor", type=float, default=1.0, help="0: plain min-SNR")
    parser.add_argument("--world-share", type=float, default=1.0, help="draw only this share of the pictures")
    parser.add_argument("--pipeline", type=Path, help="score this pipeline folder and not the run's")
    parser.add_argument("--captions", type=int, default=500, help="captions to score")
    parser.add_argument("--seeds", type=int, default=3, help="pictures for each caption")
    parser.add_argument(
        "--side", type=int, default=128, help="side of the scored pictures: 128 or a multiple"
    )
    parser.add_argument(
        "--checks", action=argparse.BooleanOptionalAction, default=True, help="score the side checks"
    )
    chosen = parser.parse_args(arguments)
    stages = tuple(stage for stage in STAGES if not chosen.stage or stage in chosen.stage)
    values = {name: value for name, value in vars(chosen).items() if name != "stage"}
    return Options(stages=stages, **values)


if __name__ == "__main__":
    Run(options()).go()
