"""The pipeline's stages, a file each, run as `python -m stages.NAME`."""
