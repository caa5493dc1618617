"""A conformance test harness for DICOM Storage Commitment."""
