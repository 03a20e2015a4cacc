"""`status`: from the store, or from the node that has it open."""

from __future__ import annotations

import json

from google.protobuf import json_format
from rich.console import Console
from rich.table import Table

from fedcarbon.errors import StateError
from fedcarbon.ids import Role
from fedcarbon.node.v1 import node_pb2, node_pb2_grpc
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.deadlines import with_deadlines
from fedcarbon.wire.status import error_of
from fedcarbon.wire.tls import dial
from partner_node.bootstrap import load_own_party
from partner_node.config import NodeSettings
from partner_node.service.node_service import status_message
from partner_node.status import status_of
from partner_node.storage.database import Database, StoreLockedError

import grpc
