"""Multi-atlas label propagation: labelled scans are registered to this one and fused."""
