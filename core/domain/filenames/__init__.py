"""Names of the files and folders that pictures are saved under. No disk is touched.

Whatever prompt, option or model name goes in, a name that comes out is one path component: no
separator, not ``.`` or ``..``, short enough for the usual file systems.
"""

from core.domain.filenames.context import NameContext
from core.domain.filenames.naming import default_pattern, directory_parts, file_decoration
from core.domain.filenames.numbering import fit, next_number, number_of, numbered
from core.domain.filenames.sanitizing import Sanitizer

__all__ = [
    "NameContext",
    "Sanitizer",
    "default_pattern",
    "directory_parts",
    "file_decoration",
    "fit",
    "next_number",
    "number_of",
    "numbered",
]
