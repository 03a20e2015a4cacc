"""`fedcarbon registry methodology`: what root key holders are given to sign."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.cli.catalogue import catalogue_bytes, catalogue_names, load_from_catalogue
from fedcarbon.cli.registry import RegistryFileError, methodology, require_signable
from fedcarbon.methodology.definition import InvalidMethodologyError, MethodologyNotUsableError
from fedcarbon.registry.measure import Measure
from fedcarbon.registry.methodology import MethodologyAdmission
from fedcarbon.transparency.envelope import Envelope
from tests.hub.messages import trust_roots

NAME = "cn-ecny-shanghai"


def written(folder: Path, document: bytes) -> bytes:
    """Return what the command writes for a document."""
    (folder / "roots.toml").write_text(trust_roots().to_toml())
    (folder / "document").write_bytes(document)
    methodology(
        folder / "document",
        programme="carbon",
        roots=folder / "roots.toml",
        out=folder / "out",
        from_epoch=3,
        until_epoch=5,
    )
    return (folder / "out").read_bytes()


def test_a_methodology_is_written_down_with_its_document(tmp_path: Path) -> None:
    document = catalogue_bytes(NAME)

    envelope = Envelope.from_bytes(written(tmp_path, document))

    require_signable(envelope, trust_roots().parameter_id)
    found = statements.decode(MethodologyAdmission, envelope.payload)
    expected = load_from_catalogue(NAME)
    assert (found.methodology_id, found.version) == (NAME, expected.version)
    assert (found.content_hash, found.document) == (expected.content_hash, document)
    assert (found.from_epoch, found.until_epoch, found.kind) == (3, 5, Measure.GRAMS)
    assert envelope.signatures == ()


def test_a_draft_is_not_given_to_anybody_to_sign(tmp_path: Path) -> None:
    drafts = (name for name in catalogue_names() if not load_from_catalogue(name).status.computes)

    with pytest.raises(MethodologyNotUsableError):
        written(tmp_path, catalogue_bytes(next(drafts)))


def test_what_is_no_methodology_is_not_given_to_anybody_to_sign(tmp_path: Path) -> None:
    with pytest.raises(InvalidMethodologyError):
        written(tmp_path, b"{}")


def test_a_document_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegistryFileError, match="nothing"):
        methodology(tmp_path / "nothing", programme="carbon", roots=tmp_path, out=tmp_path / "out")
