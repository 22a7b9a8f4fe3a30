"""The pipeline's stages, a file each, run as `python -m stages.NAME`; shared parts are in stages.lib."""
