"""A body as one of the four representations of PS3.18 13.1.3, read for judging. Total: never raises on any bytes."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

from stgcmt.wire import dicom_json, multipart, native_xml
from stgcmt.wire.http_fields import MediaType
from stgcmt_suites.commitment.web_module import Module, read_module

JSON = "application/dicom+json"
XML = "application/dicom+xml"
MULTIPART = "multipart/related"


@dataclass(frozen=True)
class Representation:
    """A body and how it says that it must be read; what is derived from it is derived once."""

    media_type: MediaType | None
    body: bytes

    @property
    def essence(self) -> str:
        """The media type without parameters, empty where there is none."""
        return self.media_type.essence if self.media_type else ""

    @property
    def form(self) -> str:
        """``json``, ``xml`` or empty: what the data set inside claims to be."""
        inner = self.inner_type
        return {JSON: "json", "application/json": "json", XML: "xml", "application/xml": "xml", "text/xml": "xml"}.get(
            inner.essence if inner else "", ""
        )

    @property
    def name(self) -> str:
        """The representation as 13.1.3 names it: ``json``, ``xml``, ``multipart-json``, ``multipart-xml`` or empty."""
        exact = {JSON: "json", XML: "xml"}.get(self.inner_type.essence if self.inner_type else "", "")
        return f"multipart-{exact}" if exact and self.essence == MULTIPART else exact

    @functools.cached_property
    def multipart(self) -> multipart.Multipart | None:
        """The parts of a multipart body; ``None`` for a single-part one."""
        if self.essence != MULTIPART:
            return None
        return multipart.split(self.body, self.media_type.param("boundary") if self.media_type else None)

    @functools.cached_property
    def inner_type(self) -> MediaType | None:
        """The media type of the data set itself: of the first part where the body has parts."""
        if self.multipart is None:
            return self.media_type
        return self.multipart.parts[0].media_type if self.multipart.parts else None

    @functools.cached_property
    def content(self) -> bytes:
        """The bytes of the (first) data set."""
        if self.multipart is None:
            return self.body
        return self.multipart.parts[0].content if self.multipart.parts else b""

    @functools.cached_property
    def json(self) -> dicom_json.Loaded | None:
        """The content as JSON; ``None`` where it claims to be something else."""
        return dicom_json.load(self.content) if self.form == "json" else None

    @functools.cached_property
    def xml(self) -> native_xml.LoadedXml | None:
        """The content as native XML; ``None`` where it claims to be something else."""
        return native_xml.load(self.content) if self.form == "xml" else None

    @property
    def value(self) -> Any:
        """The data set in DICOM JSON form; where no type is stated it is tried as JSON, then as XML."""
        if self.json is not None:
            return self.json.value
        if self.xml is not None:
            return self.xml.value
        return self._guess

    @functools.cached_property
    def _guess(self) -> Any:
        loaded = dicom_json.load(self.content)
        return loaded.value if loaded.readable else native_xml.load(self.content).value

    @functools.cached_property
    def module(self) -> Module:
        """The body as a module of Annex J."""
        return read_module(self.value)

    @functools.cached_property
    def json_problems(self) -> tuple[dicom_json.Problem, ...]:
        """Every broken rule of DICOM JSON; empty where the content is none."""
        return dicom_json.lint(self.json) if self.json is not None else ()

    @property
    def xml_problems(self) -> tuple[native_xml.XmlProblem, ...]:
        """Every broken rule of native XML; empty where the content is none."""
        return self.xml.problems if self.xml is not None else ()
