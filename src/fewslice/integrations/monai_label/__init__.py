"""MONAI Label's protocol, so that its plugins for 3D Slicer and OHIF work with our server."""
