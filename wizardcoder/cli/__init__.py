"""The command line `wizardcoder`: one module per command, listed in `main`.

Commands parse arguments, call a library function and print its result; all logic is in the packages below. Does not run
the pipeline's stages: `dvc repro` and `python -m stages.NAME` do.
"""
