"""Six ways round the runner, each tried on a copy of the tree: a gate must see it.

No single gate sees all of them; the table in ``docs/milestones/M14/M14_audit.md`` says which sees which.
"""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.bare_pytest import pytest_in
from tests.architecture.source_tree import ROOT, SHIPPED

COPIED: Final = (*SHIPPED, "tests", "importlinter.ini", "pyproject.toml")
LEFT_OUT: Final = shutil.ignore_patterns("*.safetensors", "*.npz", "*.png")
"""Compiled modules are copied: they hold for the copy, and to compile all anew takes longer than a gate."""

IMPORTS: Final = ("tests/architecture/test_import_contracts.py::test_every_import_rule_is_kept",)
CALLERS: Final = ("tests/architecture/test_only_runner_executes.py",)
DOORS: Final = ("tests/architecture/test_doors.py",)
ONE_PICTURE: Final = "test_a_picture_passes_the_runner_once"
HTTP: Final = (f"tests/quality/test_api_runner_contract.py::TestHttp::{ONE_PICTURE}",)
COMMAND_LINE: Final = (f"tests/quality/test_cli_runner_contract.py::TestCommandLine::{ONE_PICTURE}",)
WORKER: Final = (f"tests/quality/test_worker_runner_contract.py::TestWorker::{ONE_PICTURE}",)
PYTHON: Final = (f"tests/quality/test_python_runner_contract.py::TestPython::{ONE_PICTURE}",)
EVERY_GATE: Final = (*IMPORTS, *CALLERS, *DOORS, *HTTP, *COMMAND_LINE, *WORKER, *PYTHON)


@dataclass(frozen=True)
class Mutation:
    """``file`` with ``old`` replaced by ``new``, or a new file.

    :ivar caught_by: the gates that must fail.
    :ivar missed_by: gates that do not see it, which is why there are others.
    """

    name: str
    file: str
    new: str
    old: str = ""
    caught_by: tuple[str, ...] = ()
    missed_by: tuple[str, ...] = field(default=())

    def apply(self, tree: Path) -> None:
        path = tree / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text("utf-8") if self.old else ""
        assert text.count(self.old) == 1 or not self.old, (
            f"{self.name}: {self.file} has changed; adapt the mutation"
        )
        path.write_text(text.replace(self.old, self.new) if self.old else self.new, "utf-8")


M1 = Mutation(
    name="M1: HTTP imports a backend and seals a permit",
    file="adapters/http/routes/generation.py",
    old="class GenerationRoutes:\n",
    new="""from adapters.backends.fake.backend import FakeBackend
from core.prepared import Batch, PreparedRun, seal


def draw_here(request, model, plan, options, watch):
    run = PreparedRun(
        seal=seal(), run_id="http", request=request, model=model, plan=plan, options=options, init=None,
        extras={},
    )
    batch = Batch(index=0, prompts=(request.prompt,), negative_prompts=("",), seeds=(1,), subseeds=(1,))
    return FakeBackend().execute_run(run, batch, watch)


class GenerationRoutes:
""",
    caught_by=(*IMPORTS, *CALLERS),
)

M2 = Mutation(
    name="M2: HTTP takes the backend out of the job service's hands and calls it",
    file="adapters/http/routes/generation.py",
    old="class GenerationRoutes:\n",
    new="""def draw_here(jobs, run, batch, watch):
    return jobs._acceptance._backend.execute_run(run, batch, watch)


class GenerationRoutes:
""",
    caught_by=CALLERS,
    missed_by=IMPORTS,
)

FORGE: Final = """\
def forge(loop):
    from types import SimpleNamespace

    from core.domain.result import GenerationResult, Outcome, ResultImage, RunReceipt

    def of(owner, *parts):
        return getattr(owner, "_" + "".join(parts))

    now = of(loop, "cl", "ock").now
    job = of(loop, "st", "ore").take(lambda job: job.start(now()), POLL_SECONDS)
    if job is None:
        return
    runner = of(loop, "pro", "cess").keywords["runner"]
    backend, finishing = of(runner, "back", "end"), of(runner, "dra", "wn").finishing
    run = SimpleNamespace(run_id="forged", request=job.request, init=None)
    batch = SimpleNamespace(prompts=(job.request.prompt,), negative_prompts=("",), seeds=(1,))
    watch = SimpleNamespace(begin_pass=lambda steps: None, step=lambda done: None, check=lambda: None)
    [image] = getattr(backend, "execute" + "_run")(run, batch, watch)
    data = of(finishing, "co", "dec").encode(image, "png", job.request.prompt)
    drawn = ResultImage(
        blob=of(finishing, "bl", "obs").put(data), format="png", width=image.width, height=image.height,
        seed=1, subseed=1, infotext=job.request.prompt,
    )
    receipt = RunReceipt(
        run_id="forged", job_id=job.id, backend="ledger", started_at=now(), finished_at=now(),
        prepare=0, execute=0, finalize=0, outcome=Outcome.SUCCEEDED,
    )
    result = GenerationResult(images=(drawn,), info={}, receipt=receipt)
    of(loop, "end", "ings").update(job.id, lambda j: j.succeed(result, now()), lambda: None)


"""

M3 = Mutation(
    name="M3: the worker reaches the backend by spelling names and forges a permit",
    file="adapters/worker/thread.py",
    old="                if self._loop.run_next(POLL_SECONDS) is None:\n",
    new=textwrap.indent(FORGE + "if forge(self._loop) is None:\n", " " * 16),
    caught_by=(*WORKER, *HTTP),
    missed_by=(*IMPORTS, *CALLERS, *DOORS),
)

M4 = Mutation(
    name="M4: a new door that no suite drives",
    file="adapters/grpc/__init__.py",
    new='"""A door that nobody drives."""\n',
    caught_by=DOORS,
    missed_by=(*CALLERS, *HTTP),
)

M5 = Mutation(
    name="M5: the runner forgets to tell the plugins that a run is done",
    file="core/stages/finalize.py",
    old="self._hooks.finalize(result)",
    new="pass",
    caught_by=(*HTTP, *COMMAND_LINE, *WORKER, *PYTHON),
    missed_by=(*IMPORTS, *CALLERS, *DOORS),
)

M6 = Mutation(
    name="M6: the command line makes the expected answer up",
    file="adapters/cli/generate.py",
    old="    application = host_of(context).open(settings_from(flags.data_dir, flags.backend))\n",
    new="""    import json

    from PIL import Image, PngImagePlugin

    path = (flags.data_dir or __import__("pathlib").Path()) / "made-up.png"
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", f"{flags.prompt[0]} word")
    Image.new("RGB", (flags.width, flags.height), "red").save(path, pnginfo=text)
    typer.echo(json.dumps({"images": [{"path": str(path)}]}))
    return
    application = host_of(context).open(settings_from(flags.data_dir, flags.backend))
""",
    caught_by=COMMAND_LINE,
    missed_by=(*IMPORTS, *CALLERS, *DOORS, *HTTP),
)

MUTATIONS: Final = (M1, M2, M3, M4, M5, M6)


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A copy of the tree, without what the gates do not read."""
    copy = tmp_path / "tree"
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=LEFT_OUT)
        else:
            shutil.copy2(source, copy / name)
    yield copy
    shutil.rmtree(copy)


def failing(tree: Path, gates: tuple[str, ...]) -> tuple[set[str], str]:
    """Which of ``gates`` fail in ``tree``, and what they printed. What fails to be collected fails."""
    run = pytest_in(
        tree,
        "-rA", "--tb=line", "--continue-on-collection-errors", *gates,
        environ={"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    outcomes = [line.split(" ", 2) for line in run.stdout.splitlines() if " tests/" in line]
    seen = [(outcome[0], outcome[1]) for outcome in outcomes if outcome[0] in {"PASSED", "FAILED", "ERROR"}]
    bad = [node for result, node in seen if result != "PASSED"]
    assert seen, run.stdout + run.stderr
    failed = {gate for gate in gates if any(node.startswith(gate) or gate.startswith(node) for node in bad)}
    return failed, run.stdout[-4000:]


def test_the_copy_itself_passes_every_gate(tree: Path) -> None:
    failed, printed = failing(tree, EVERY_GATE)
    assert failed == set(), printed


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda m: m.name)
def test_a_gate_sees_it(mutation: Mutation, tree: Path) -> None:
    mutation.apply(tree)
    failed, printed = failing(tree, (*mutation.caught_by, *mutation.missed_by))
    assert failed == set(mutation.caught_by), printed
