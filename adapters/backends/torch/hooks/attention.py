"""A UNet with other attention processors. The weights are shared with the plain one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.backends.torch.sharing import sharing_copy


def attention_layers(network: Any) -> tuple[str, ...]:
    """Names of the layers whose processors can be replaced; none for a network without such layers."""
    return tuple(getattr(network, "attn_processors", ()))


def with_processors(network: Any, chosen: Mapping[str, Any]) -> Any:
    """A copy of the modules with the same tensors in them: runs in flight keep the plain one.

    Raises ``ValueError`` for a layer that there is not, and for a processor that cannot be called.
    """
    unknown = sorted(set(chosen) - set(attention_layers(network)))
    if unknown:
        raise ValueError(f"there is no attention layer {unknown[0]!r}; draft.layers has their names")
    useless = next((name for name, one in chosen.items() if not callable(one)), None)
    if useless is not None:
        raise ValueError(
            f"the processor of {useless!r} is {type(chosen[useless]).__name__}; it must be callable"
        )
    own = sharing_copy(network)
    own.set_attn_processor({**own.attn_processors, **chosen})
    return own
