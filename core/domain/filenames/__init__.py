"""Names of the files and folders that pictures are saved under. No disk is touched.

Whatever text goes in, a name that comes out is one path component: no separator, not ``.`` or ``..``, short
enough for the usual file systems.
"""

from core.domain.filenames.numbering import ROOM_FOR_NUMBER, fit, next_number, number_of, numbered
from core.domain.filenames.sanitizing import Sanitizer

__all__ = [
    "ROOM_FOR_NUMBER",
    "Sanitizer",
    "fit",
    "next_number",
    "number_of",
    "numbered",
]
