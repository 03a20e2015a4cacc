"""`fedcarbon ceremony`: make and deal the keys of a federation, on an air-gapped machine."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import warnings
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from itertools import combinations
from pathlib import Path
from typing import Annotated, Final

from cryptography.hazmat.primitives.asymmetric import dh
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from fedcarbon.ceremony.dealer import CeremonyError, CeremonyPrimes, Dealt, deal
from fedcarbon.ceremony.share_file import seal_share_file
from fedcarbon.ids import party_id
from fedcarbon.paillier.keys import MODULUS_BITS_MIN
from fedcarbon.parameters.roots import TrustRoots

PASSPHRASE_BYTES: Final = 24
BITS_MIN: Final = 1024
"""OpenSSL makes safe primes of 512 bits or more."""
PRIVATE: Final = 0o600


def ceremony(
    *,
    out: Path,
    trustees: int = 5,
    threshold: int = 3,
    bits: int = 3072,
    names: Annotated[tuple[str, ...], Parameter(consume_multiple=True)] = (),
    insecure: bool = False,
) -> None:
    """Make safe primes, deal the shares of all keys, and write the public parameters.

    Run it on a machine without a network, with witnesses from every trustee organisation. It writes
    into OUT:

    * parameters.dsse.json and self-test.dsse.json: public; the first two leaves of the record.
    * roots.toml: public; the trust roots that every party must get by a way that it trusts.
    * NAME.share and NAME.passphrase for each trustee: secret. Hand the two over by different ways,
      then destroy them here. Nothing else that is secret is ever written.

    Args:
        out: folder to write into; it must not hold a ceremony yet.
        trustees: how many trustee organisations hold a share, at most 15.
        threshold: how many of them must act together; more than half.
        bits: length of both moduli: 3072 for production, at least 2048.
        names: names of the trustees; trustee-1, trustee-2, ... by default.
        insecure: allow fewer than 2048 bits, for tests only.
    """
    console = Console(stderr=True)
    ids = tuple(party_id(name) for name in names) or tuple(
        party_id(f"trustee-{index}") for index in range(1, trustees + 1)
    )
    if len(ids) != trustees:
        raise CeremonyError(f"{len(ids)} names were given for {trustees} trustees")
    if bits < MODULUS_BITS_MIN and not insecure:
        raise CeremonyError(f"{bits} bits are insecure; use {MODULUS_BITS_MIN} or 3072")
    if bits < BITS_MIN or bits % 32:
        raise CeremonyError(f"moduli have a multiple of 32 bits and at least {BITS_MIN}")
    if (out / "roots.toml").exists():
        raise CeremonyError(f"{out} holds a ceremony already; choose another folder")
    primes = make_primes(bits, console)
    console.print("dealing shares of one Paillier key and four VOPRF keys ...")
    dealt = deal(
        primes,
        ids,
        threshold,
        random_below=secrets.randbelow,
        random_bytes=secrets.token_bytes,
    )
    write_ceremony(out, dealt, secrets.token_bytes)
    console.print(f"parameter id [bold]{dealt.parameters.parameter_id.hex()}[/bold]")
    console.print(f"{threshold} of {trustees} trustees open; files are in {out}")
    console.print("hand over each .share and its .passphrase by different ways, then destroy both")


def make_primes(bits: int, console: Console) -> CeremonyPrimes:
    """Return four safe primes whose pairwise products have exactly `bits` bits.

    Uses every core and shows progress; each prime is a lucky find, so no end can be predicted.
    """
    found: list[int] = []
    # A child must not inherit the parent's threads or its random state.
    context = multiprocessing.get_context("spawn")
    workers = os.cpu_count() or 1
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}"),
        TimeElapsedColumn(),
    )
    with (
        Progress(*columns, console=console) as progress,
        ProcessPoolExecutor(workers, mp_context=context) as pool,
    ):
        task = progress.add_task(f"safe primes of {bits // 2} bits", total=4)
        running = {pool.submit(safe_prime, bits // 2) for _ in range(workers)}
        while (primes := _choose(found, bits)) is None:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            found += [future.result() for future in done]
            running |= {pool.submit(safe_prime, bits // 2) for _ in done}
            progress.update(task, completed=min(4, len(found)))
        pool.shutdown(wait=False, cancel_futures=True)
        for process in list((pool._processes or {}).values()):  # noqa: SLF001 - no other way to stop a search
            process.terminate()
    return primes


def safe_prime(bits: int) -> int:
    """Return a safe prime with exactly `bits` bits, from OpenSSL's generator."""
    with warnings.catch_warnings():
        # The library warns of Diffie-Hellman as a key exchange; its safe primes are all we want.
        warnings.simplefilter("ignore")
        return dh.generate_parameters(generator=2, key_size=bits).parameter_numbers().p


def _choose(found: list[int], bits: int) -> CeremonyPrimes | None:
    """Return two disjoint pairs with products of the exact length, if there are any."""
    pairs = [pair for pair in combinations(found, 2) if (pair[0] * pair[1]).bit_length() == bits]
    for first, second in combinations(pairs, 2):
        if not set(first) & set(second):
            return CeremonyPrimes(
                paillier_p=first[0],
                paillier_q=first[1],
                commitment_p=second[0],
                commitment_q=second[1],
            )
    return None


def write_ceremony(out: Path, dealt: Dealt, random_bytes: Callable[[int], bytes]) -> None:
    """Write the files of a ceremony; secret ones are readable by their owner only."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "parameters.dsse.json").write_bytes(dealt.signed_parameters.to_bytes())
    (out / "self-test.dsse.json").write_bytes(dealt.signed_self_test.to_bytes())
    for item in dealt.secrets:
        passphrase = random_bytes(PASSPHRASE_BYTES).hex()
        _write_private(out / f"{item.trustee_id}.passphrase", passphrase.encode() + b"\n")
        sealed = seal_share_file(item, passphrase.encode(), random_bytes)
        _write_private(out / f"{item.trustee_id}.share", sealed)
    roots = TrustRoots(
        parameter_id=dealt.parameters.parameter_id,
        threshold=dealt.parameters.threshold,
        root_keys=dealt.parameters.root_keys,
    )
    (out / "roots.toml").write_text(roots.to_toml(), encoding="utf-8")


def read_passphrase(path: Path) -> bytes:
    """Return the passphrase in a file, without the line end."""
    return path.read_bytes().rstrip(b"\r\n")


def _write_private(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
