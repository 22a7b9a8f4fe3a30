"""What every package uses: params, records and their files, paths, the keyed store, git, locks, terminal output.

Nothing here knows about evolution, models or scores. Import from the modules.
"""
