"""Feast's registry in a file that is replaced as a whole, so that a killed process cannot leave half of one."""

import os
import tempfile
import uuid
from pathlib import Path
from typing import Any

from feast.infra.registry.file import FileRegistryStore
from google.protobuf.timestamp_pb2 import Timestamp


class AtomicFileRegistryStore(FileRegistryStore):
    """A file beside which the next version is written and then moved over it."""

    def _write_registry(self, registry_proto: Any) -> None:
        registry_proto.version_id = str(uuid.uuid4())
        stamp = Timestamp()
        stamp.GetCurrentTime()
        registry_proto.last_updated.CopyFrom(stamp)
        path = Path(self._filepath)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as file:
            file.write(registry_proto.SerializeToString())
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
