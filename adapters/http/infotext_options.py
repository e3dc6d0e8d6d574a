"""How an infotext that a request carries is understood, by the options in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.domain.infotext import ParseOptions
from core.domain.options import OptionValue
from core.domain.styles import Style


def parse_options(options: Mapping[str, OptionValue], styles: Sequence[Style]) -> ParseOptions:
    """What ``parse`` is to follow; ``styles`` are those to look for in the prompts."""
    return ParseOptions(
        styles=styles,
        styles_mode=options["infotext_styles"],
        backcompat=options["auto_backcompat"],
        skip=options["infotext_skip_pasting"],
        old_hires_fix=options["use_old_hires_fix_width_height"],
    )
