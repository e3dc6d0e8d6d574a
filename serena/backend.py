"""What a package that brings a backend imports beside :mod:`serena`.

A backend is an object with the four methods of :class:`ImageBackend`, and a :class:`BackendSpec` that makes
it, at an entry point of the group ``serena.backends``. ``serena.testing.BackendContract`` tests it.
"""

from __future__ import annotations

from adapters.backends.spec import BackendSpec as BackendSpec
from core.domain.model import ModelIdentity as ModelIdentity
from core.domain.model import ModelRef as ModelRef
from core.ports.driven import BackendInfo as BackendInfo
from core.ports.driven import ImageBackend as ImageBackend
from core.ports.driven import RunWatch as RunWatch
from core.prepared import Batch as Batch
from core.prepared import HiresPass as HiresPass
from core.prepared import InitPictures as InitPictures
from core.prepared import PreparedRun as PreparedRun
from core.prepared import RefinerSwitch as RefinerSwitch
