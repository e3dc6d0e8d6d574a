"""Which of several runs may be sampled in one batch, so that their pictures are what they are one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from core.domain.request import GenerationRequest
from core.prepared import Batch
from core.stages.order import Preparation


@dataclass(frozen=True, slots=True)
class Member:
    """One of several runs that are drawn together."""

    run_id: str
    prepared: Preparation


def grouped(members: Sequence[Member], batches: Sequence[Batch]) -> list[list[int]]:
    """The places of those that are sampled together, each with the one before it as far as they are alike."""
    groups: list[list[int]] = []
    for at, batch in enumerate(batches):
        first = groups[-1][0] if groups else at
        if groups and _alike(members[first].prepared, batches[first], members[at].prepared, batch):
            groups[-1].append(at)
        else:
            groups.append([at])
    return groups


def joined(batches: Sequence[Batch]) -> Batch:
    """One batch of all their pictures; what acts on a whole batch is the same in each."""
    return replace(
        batches[0],
        prompts=tuple(chain.from_iterable(batch.prompts for batch in batches)),
        negative_prompts=tuple(chain.from_iterable(batch.negative_prompts for batch in batches)),
        hires_prompts=tuple(chain.from_iterable(batch.hires_prompts for batch in batches)),
        hires_negative_prompts=tuple(chain.from_iterable(batch.hires_negative_prompts for batch in batches)),
        seeds=tuple(chain.from_iterable(batch.seeds for batch in batches)),
        subseeds=tuple(chain.from_iterable(batch.subseeds for batch in batches)),
        marks=tuple(chain.from_iterable(batch.marks for batch in batches)),
    )


def _alike(one: Preparation, batch: Batch, other: Preparation, its: Batch) -> bool:
    """Whether two runs differ in their prompts and seeds only."""
    if one.request.deterministic or one.plan.sampler.adaptive:
        return False  # the other rows of a batch have a say in each picture
    return (
        _without_texts(one.request) == _without_texts(other.request)
        and one.options == other.options
        and _empty_negatives(batch) == _empty_negatives(its)
        and (batch.networks, batch.hires_networks) == (its.networks, its.hires_networks)
        and _equal(dict(one.extras), dict(other.extras))
        and _equal(dict(batch.extras), dict(its.extras))
    )


def _without_texts(request: GenerationRequest) -> GenerationRequest:
    hires = request.hires
    if hires is not None:
        hires = replace(hires, prompt="", negative_prompt="")
    return replace(request, prompt="", negative_prompt="", seed=0, subseed=0, hires=hires)


def _empty_negatives(batch: Batch) -> list[bool]:
    """Some models treat a batch in another way when none of its pictures has a negative prompt."""
    return [not any(texts) for texts in (batch.negative_prompts, batch.hires_negative_prompts)]


def _equal(one: object, other: object) -> bool:
    """What plugins hand over may be of a kind that cannot be compared, such as an array."""
    try:
        return bool(one == other)
    except Exception:
        return False
