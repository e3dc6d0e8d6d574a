"""The text that tells how a picture was made, in the reference's format: written, read, understood.

``write`` and ``read`` are each other's inverse for every prompt; ``parse`` gives what the reference's
own parser gives, fill-ins included.

The format of the reference is ambiguous: a line of the prompt may look like the negative prompt's, and
outer white space is lost. Where, and only where, the plain text would not read back as it was written,
``write`` adds the parameter ``Exact prompt`` or ``Exact negative prompt`` with the text in JSON quotes,
which every reader takes for one more parameter. All other texts are the reference's byte for byte.
"""

from core.domain.infotext.infotext import Infotext
from core.domain.infotext.keys import FIXED_ORDER, LAST, NETWORK_HASHES, in_order
from core.domain.infotext.parsing import ParseOptions, parse
from core.domain.infotext.reader import read
from core.domain.infotext.writer import quote, write

__all__ = [
    "FIXED_ORDER",
    "LAST",
    "NETWORK_HASHES",
    "Infotext",
    "ParseOptions",
    "in_order",
    "parse",
    "quote",
    "read",
    "write",
]
