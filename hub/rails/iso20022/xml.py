"""XML in and out of ISO 20022 dataclasses, for bytes that a stranger may have written.

A file is taken only if, in this order:

1. it is at most `FILE_BYTES_MAX` long (ISO_FILE_TOO_LARGE);
2. it is UTF-8, has no document type and no entities of its own (ISO_XML_UNSAFE);
3. it is well-formed (ISO_XML_MALFORMED);
4. its root is the `Document` of a message that we know (ISO_MESSAGE_UNKNOWN);
5. it holds nothing but elements and attributes of the schema, in the schema's order, and keeps
   every facet that the dataclasses carry (ISO_SCHEMA_VIOLATED).

No network and no other file is ever touched.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, Final, TypeVar

from lxml import etree
from xsdata.exceptions import ConverterWarning, ParserError
from xsdata.formats.dataclass.context import XmlContext
from xsdata.formats.dataclass.parsers import XmlParser
from xsdata.formats.dataclass.parsers.config import ParserConfig
from xsdata.formats.dataclass.parsers.handlers import LxmlEventHandler
from xsdata.formats.dataclass.serializers import XmlSerializer

from fedcarbon.errors import PeerError
from hub.rails.iso20022.schema import IsoSchemaViolatedError, check

FILE_BYTES_MAX: Final = 16 << 20
"""The longest file: about 20 000 payouts."""
_DECLARED: Final = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"']([^\"']*)[\"']")
_DOCUMENT_TYPE: Final = (b"<!DOCTYPE", b"<!ENTITY")

D = TypeVar("D")


class IsoFileTooLargeError(PeerError):
    """The file is longer than any that was agreed on."""

    code: ClassVar[str] = "ISO_FILE_TOO_LARGE"


class IsoXmlUnsafeError(PeerError):
    """The file has a document type, entities, or another encoding than UTF-8."""

    code: ClassVar[str] = "ISO_XML_UNSAFE"


class IsoXmlMalformedError(PeerError):
    """The file is not well-formed XML."""

    code: ClassVar[str] = "ISO_XML_MALFORMED"


class IsoMessageUnknownError(PeerError):
    """The file's root is no message, or no version of one, that was agreed on."""

    code: ClassVar[str] = "ISO_MESSAGE_UNKNOWN"


def document_from_bytes(data: bytes, documents: Mapping[str, type[D]]) -> D:
    """Return the message in `data`, after every check in the module's list.

    Args:
        data: the file.
        documents: namespace to the class of its `Document`.

    Raises:
        PeerError: one of the classes above, or `IsoSchemaViolatedError`.
    """
    root = _root(data)
    qualified = etree.QName(root)
    cls = documents.get(qualified.namespace or "")
    if cls is None or qualified.localname != "Document":  # (4)
        raise IsoMessageUnknownError(f"{root.tag[:100]!r} is not the root of a known message")
    config = ParserConfig(
        fail_on_unknown_properties=True,
        fail_on_unknown_attributes=True,
        fail_on_converter_warnings=True,
    )
    tags = _tags(root)  # now: the parser clears what it has read
    parser = XmlParser(config=config, context=_context(), handler=LxmlEventHandler)
    try:
        document = parser.parse(root, cls)
    except (ParserError, ConverterWarning, ValueError, TypeError, ArithmeticError) as error:
        raise IsoSchemaViolatedError(f"{cls.__module__[-15:]}: {str(error)[:200]}") from error
    check(document)
    # The parser does not mind order, nor that the second of two elements hides the first.
    if _tags(etree.fromstring(_serialised(document))) != tags:
        raise IsoSchemaViolatedError("elements stand in another order or number than the schema's")
    return document


def document_bytes(document: Any) -> bytes:  # noqa: ANN401 - any of the messages
    """Return a message as UTF-8 XML with the message's own default namespace.

    Raises:
        IsoSchemaViolatedError: it breaks the schema; that is our bug or configuration.
    """
    check(document)
    return _serialised(document)


def _serialised(document: Any) -> bytes:  # noqa: ANN401 - any of the messages
    serializer = XmlSerializer(context=_context())
    return serializer.render(document, ns_map={None: type(document).Meta.namespace}).encode()


def _root(data: bytes) -> etree._Element:
    if len(data) > FILE_BYTES_MAX:  # (1)
        raise IsoFileTooLargeError(f"a file has at most {FILE_BYTES_MAX} bytes")
    declared = _DECLARED.match(data.removeprefix(b"\xef\xbb\xbf"))
    if declared is not None and declared[1].lower() not in {b"utf-8", b"us-ascii"}:  # (2)
        raise IsoXmlUnsafeError("a file must be encoded as UTF-8")
    if b"\x00" in data or any(word in data for word in _DOCUMENT_TYPE):
        raise IsoXmlUnsafeError("a file may have no document type and no entities of its own")
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:  # (3)
        raise IsoXmlMalformedError("a file is not well-formed XML") from error
    if root.getroottree().docinfo.doctype:  # (2), should the words above ever be spelt otherwise
        raise IsoXmlUnsafeError("a file may have no document type")
    return root


def _tags(root: etree._Element) -> list[str]:
    return [str(element.tag) for element in root.iter()]


@cache
def _context() -> XmlContext:
    return XmlContext()
