"""Attributes that a report may name, where it names none, for mutants of recordings."""

from __future__ import annotations

from stgcmt.mutation_dimse import inserting
from stgcmt.wire.dataset_writer import Elem

MUTATIONS = (
    inserting(
        (
            Elem(0x00080054, "AE", "MUTANT"),  # Retrieve AE Title
            Elem(0x00880130, "SH", "MUTANT"),  # Storage Media File-Set ID
            Elem(0x00880140, "UI", "2.25.1"),  # Storage Media File-Set UID
            Elem(0x00081198, "SQ", []),  # Failed SOP Sequence
            Elem(0x00081199, "SQ", []),  # Referenced SOP Sequence
        )
    ),
)
