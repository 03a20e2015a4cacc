"""The bundle: which methodologies this node counts by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from fedcarbon.errors import ConfigurationError
from fedcarbon.methodology.definition import Basis, Methodology
from fedcarbon.registry.measure import Measure
from fedcarbon.registry.methodology import bundle_hash

METHODOLOGIES_MAX: Final = 64


class BundleInvalidError(ConfigurationError):
    """The methodologies of the settings cannot stand together; correct the list."""

    code: ClassVar[str] = "BUNDLE_INVALID"


class MeasureDiffersError(ConfigurationError):
    """A methodology gives another kind of amount than the programme counts; choose another one."""

    code: ClassVar[str] = "MEASURE_DIFFERS"


class Bundle:
    """Methodologies by id; never empty."""

    def __init__(self, methodologies: Iterable[Methodology]) -> None:
        """Take methodologies that compute, each id once.

        Raises:
            BundleInvalidError: none, too many, two versions of one, amounts in two units, or one
                that counts footprints: what somebody emitted is never credited.
            MethodologyNotUsableError: one of them is a draft or quarantined.
        """
        listed = list(methodologies)
        self._by_id: Final[Mapping[str, Methodology]] = MappingProxyType(
            {item.methodology_id: item for item in listed}
        )
        if not 1 <= len(listed) <= METHODOLOGIES_MAX or len(self._by_id) != len(listed):
            raise BundleInvalidError(
                f"a node counts by 1 to {METHODOLOGIES_MAX} methodologies, each in one version"
            )
        self._only: Final = listed[0].methodology_id if len(listed) == 1 else ""
        units = {str(item.result.unit) for item in listed}
        if len(units) > 1:
            raise BundleInvalidError(f"amounts in {' and '.join(sorted(units))} do not add")
        for item in listed:
            item.require_computing()
            if item.result.basis is Basis.FOOTPRINT:
                raise BundleInvalidError(
                    f"methodology {item.methodology_id} counts a footprint, which is never credited"
                )

    def require_measure(self, measure: Measure) -> None:
        """Check that every methodology gives what the programme counts: kinds never mix.

        Raises:
            MeasureDiffersError: one of them gives something else.
        """
        for item in self._by_id.values():
            if item.result.kind.value != measure.value:
                raise MeasureDiffersError(
                    f"methodology {item.methodology_id} gives {item.result.kind}, the programme "
                    f"counts {measure}: take it out of the settings"
                )

    def find(self, methodology_id: str) -> Methodology | None:
        """Return the methodology of this id, None if the node does not count by it."""
        return self._by_id.get(methodology_id)

    def all(self) -> tuple[Methodology, ...]:
        """Return the methodologies by id."""
        return tuple(self._by_id[name] for name in sorted(self._by_id))

    @property
    def only(self) -> str:
        """The id of the only methodology; empty if there are several: then rows must name one."""
        return self._only

    @property
    def hashes(self) -> tuple[bytes, ...]:
        """Content hashes, sorted: what a commitment pins."""
        return tuple(sorted(item.content_hash for item in self._by_id.values()))

    @property
    def hash(self) -> bytes:
        """The bundle hash that headers name: 32 bytes."""
        return bundle_hash(self.hashes)
