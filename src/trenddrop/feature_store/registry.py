"""Feast's registry in a file that is replaced as a whole, so that a killed process cannot leave half of one."""

import os
import uuid
from pathlib import Path
from typing import Any

from feast.infra.registry.file import FileRegistryStore
from google.protobuf.timestamp_pb2 import Timestamp

from trenddrop.core.scratch import Scratch


class AtomicFileRegistryStore(FileRegistryStore):
    """A file whose next version is written elsewhere in its folder and then moved over it."""

    def _write_registry(self, registry_proto: Any) -> None:
        registry_proto.version_id = str(uuid.uuid4())
        stamp = Timestamp()
        stamp.GetCurrentTime()
        registry_proto.last_updated.CopyFrom(stamp)
        path = Path(self._filepath)
        with Scratch(path.parent / "tmp") as scratch:
            unfinished = scratch.folder / path.name
            with unfinished.open("wb") as file:
                file.write(registry_proto.SerializeToString())
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
