"""DICOM series: which files belong together, their geometry, their pixels."""
