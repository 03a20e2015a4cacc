"""What a trustee holds that nobody else does, and whether it fits the record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fedcarbon.ceremony.share_file import TrusteeSecrets
from fedcarbon.errors import FedcarbonError
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.shares import check_share
from fedcarbon.ids import PartyId
from fedcarbon.opening.parties import PartyBook
from fedcarbon.paillier.shares import check_key_share
from fedcarbon.parameters.parameter_set import ParameterSet
from fedcarbon.transparency.envelope import SigningKey
from trustee.order_errors import OwnKeysDifferError


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKeys:
    """Identity, secrets and the source of randomness of one trustee."""

    trustee_id: PartyId
    signing_key: SigningKey
    """Signs cosignatures, starts and refusals."""
    secrets: TrusteeSecrets
    """Shares of the Paillier key and of the four VOPRF keys."""
    random_below: Callable[[int], int]
    """Uniform in [0, bound) from a CSPRNG."""
    allow_insecure: bool = False
    """Whether parameter sets below 2048 bits are accepted: tests only."""

    def check(self, parties: PartyBook) -> None:
        """Check that these keys are the ones that the record promises everyone.

        Raises:
            OwnKeysDifferError: naming what does not fit.
            RecordViolationError: the record has no parameter set yet.
        """
        parameters = parties.parameters
        if parameters.insecure and not self.allow_insecure:
            raise OwnKeysDifferError("the parameter set is marked insecure: for tests only")
        if self.secrets.parameter_id != parameters.parameter_id:
            raise OwnKeysDifferError("the share file belongs to another parameter set")
        try:
            self._check_shares(parameters)
        except FedcarbonError as error:
            raise OwnKeysDifferError(f"the share file does not fit the record: {error}") from error
        admission = parties.admissions.get(self.trustee_id)
        if admission is not None and admission.signing_key != self.signing_key.public:
            raise OwnKeysDifferError("the signing key is not the admitted one")

    def _check_shares(self, parameters: ParameterSet) -> None:
        index = parameters.trustee_index(self.trustee_id)
        found = {self.secrets.trustee_index, self.secrets.paillier.index}
        found |= {share.trustee_index for share in self.secrets.voprf.values()}
        if self.secrets.trustee_id != self.trustee_id or found != {index}:
            raise OwnKeysDifferError("the share file belongs to another trustee")
        check_key_share(parameters.threshold_key, self.secrets.paillier)
        for label in KeyLabel:
            check_share(parameters.voprf_key(label), self.secrets.voprf[label])
