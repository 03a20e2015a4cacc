"""A database comes up from nothing and from the schema before, with everything that is in it."""

from __future__ import annotations

import sqlite3
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError

import hub.serving  # noqa: F401 - declares every table of a hub
from fedcarbon.canonical import statement as statements
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import Account
from fedcarbon.ledger.batch import CHAIN_START, LedgerBatch, LedgerDay, batch_of, replay
from fedcarbon.units import Seconds
from hub.clearing.credits import top_up_float
from hub.clearing.positions import checked_trial_balance, ledger_batch
from hub.clearing.storage.batch_store import BatchStore
from hub.clearing.storage.ledger_store import LedgerStore
from hub.storage.access import Access, for_access
from hub.storage.engine import open_engine, reading, transact
from hub.storage.faults import DiskFullError
from hub.storage.schema import (
    BEFORE_MIGRATIONS,
    MIGRATIONS,
    NEWEST,
    REVISIONS,
    SchemaOutdatedError,
    SchemaTooNewError,
    migrate,
    prepare,
    require_newest,
    revision_of,
)
from hub.storage.tables import HubTable
from tests.databases import sqlite_url
from tests.postgresql import Cluster

ROOT = Path(__file__).parents[3]
