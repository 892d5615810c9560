"""DICOMweb: finding, fetching and storing series on a server (QIDO-RS, WADO-RS, STOW-RS)."""
