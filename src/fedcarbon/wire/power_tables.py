"""A prover's tables in a file that all processes of a machine map: built once, in memory once.

The file's name says for which parameters it is and the SHA-256 of its content. Opening it computes
that hash, and a file that does not match is thrown away and built anew. Its owner could still write
other tables under another name: what comes of wrong tables is a proof that does not hold, and a
prover checks every proof before anybody sees it.

Nothing in the file is secret. Everybody can compute it, in seconds.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final

from fedcarbon.canonical.hashing import digest, natural_bytes, u32, u64
from fedcarbon.proofs.commitments import ProofKey, ProverShape, ProverTables, prover_shape

SUFFIX: Final = ".tables"
_LOCK: Final = "tables.lock"
_UNFINISHED: Final = "unfinished-"
_LABEL: Final = b"fedcarbon/v1/prover-tables"
_WRITABLE_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


@lru_cache(maxsize=2)
def prover_tables(key: ProofKey, bound_max: int, folder: Path | None) -> ProverTables:
    """Return the tables of a prover, the same ones whenever this process asks.

    Args:
        key: of everything that is proved.
        bound_max: largest bound of a slot.
        folder: of the party's own state, where the file is or will be (2048 bits: 140 MB). Whoever
            comes while another builds it waits. With None they are built in this process' memory.
    """
    if folder is None:
        return ProverTables(key, bound_max=bound_max)
    shape = prover_shape(key, bound_max=bound_max)
    name = f"{key.parameter_id.hex()}-{_shape_id(shape).hex()[:16]}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(folder):
        data = _mapped_among(folder, name, shape.data_bytes) or _mapped(
            _written(folder, name, shape), shape.data_bytes
        )
    assert data is not None, "a file that was just written holds what was written"
    return ProverTables(key, bound_max=bound_max, data=data)


def _shape_id(shape: ProverShape) -> bytes:
    """Return a hash of everything that the bytes of the tables depend on."""
    parts = []
    for part in shape:
        parts += [u32(part.exponent_bits), u32(part.window_bits), u32(part.columns)]
        parts += [natural_bytes(part.modulus), *map(natural_bytes, part.bases)]
    return digest(_LABEL, u64(shape.data_bytes), *parts)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Let one process at a time look and build; the system takes a dead one's lock back."""
    with (folder / _LOCK).open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _mapped_among(folder: Path, name: str, size: int) -> mmap.mmap | None:
    """Return the file of that name that is whole; throw away what is not."""
    for path in folder.glob(f"{_UNFINISHED}*"):
        path.unlink()
    for path in sorted(folder.glob(f"{name}-*{SUFFIX}")):
        data = _mapped(path, size)
        if data is not None:
            return data
        path.unlink()
    return None


def _mapped(path: Path, size: int) -> mmap.mmap | None:
    """Return the content of a file if it is ours, has that size and the hash in its name."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if status.st_uid != os.getuid() or status.st_mode & _WRITABLE_BY_OTHERS:
            return None
        if status.st_size != size:
            return None
        data = mmap.mmap(descriptor, size, access=mmap.ACCESS_READ)
    finally:
        os.close(descriptor)
    if path.stem.rpartition("-")[2] != hashlib.sha256(data).hexdigest():
        data.close()
        return None
    return data


def _written(folder: Path, name: str, shape: ProverShape) -> Path:
    """Build the tables and return their file, which appears when all of it is on the disk."""
    content = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=folder, prefix=_UNFINISHED, delete=False) as file:
        for table in shape.built():
            file.write(table)
            content.update(table)
        file.flush()
        os.fsync(file.fileno())
    path = folder / f"{name}-{content.hexdigest()}{SUFFIX}"
    Path(file.name).rename(path)
    return path
