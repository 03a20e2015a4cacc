"""What a record begins with: the ceremony's public files, checked before anything is stored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from fedcarbon.errors import ConfigurationError
from fedcarbon.parameters.parameter_set import ParameterSet, check_id
from fedcarbon.parameters.roots import TrustRoots, parse_roots
from fedcarbon.parameters.self_test import SelfTest, check_self_test
from fedcarbon.registry.admission import open_rooted

PARAMETERS_FILE: Final = "parameters.dsse.json"
SELF_TEST_FILE: Final = "self-test.dsse.json"
ROOTS_FILE: Final = "roots.toml"


class OtherFederationError(ConfigurationError):
    """The record on the disk begins with another parameter set, or a test set is not allowed."""

    code: ClassVar[str] = "OTHER_FEDERATION"


@dataclass(frozen=True, slots=True, kw_only=True)
class Genesis:
    """The public files of the ceremony: what a record begins with."""

    signed_parameters: bytes
    signed_self_test: bytes
    parameters: ParameterSet


def read_genesis(folder: Path, *, allow_insecure: bool) -> Genesis:
    """Read and check the ceremony's public files.

    Raises:
        ConfigurationError: a file is missing or wrong, or a test set is not allowed.
    """
    try:
        roots = parse_roots((folder / ROOTS_FILE).read_bytes())
        signed_parameters = (folder / PARAMETERS_FILE).read_bytes()
        signed_self_test = (folder / SELF_TEST_FILE).read_bytes()
    except OSError as error:
        raise OtherFederationError(f"cannot read the ceremony's {error.filename}") from error
    genesis = checked_genesis(roots, signed_parameters, signed_self_test)
    if genesis.parameters.insecure and not allow_insecure:
        raise OtherFederationError("the parameter set is for tests; run a ceremony at 2048 or more")
    return genesis


def checked_genesis(
    roots: TrustRoots, signed_parameters: bytes, signed_self_test: bytes
) -> Genesis:
    """Return what a record begins with, after every check that its readers will make.

    Raises:
        ConfigurationError: not the set that the roots name, or it fails a check.
        MalformedError, SignatureInvalidError: not signed by every root key.
    """
    everyone = len(roots.root_keys)
    parameters = open_rooted(ParameterSet, signed_parameters, roots.root_keys, everyone)
    check_id(parameters, roots.parameter_id)
    parameters.check()
    self_test = open_rooted(SelfTest, signed_self_test, roots.root_keys, everyone)
    check_self_test(parameters, self_test)
    return Genesis(
        signed_parameters=signed_parameters,
        signed_self_test=signed_self_test,
        parameters=parameters,
    )
