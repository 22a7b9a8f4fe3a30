"""The console script `wizardcoder`: loads the command line and runs it.

Imports nothing at its top, so that Ctrl-C while the commands are being imported ends without a traceback, too.
"""

import sys


def main() -> None:
    """Run the command line; exit code 130 if Ctrl-C comes before it is loaded."""
    try:
        from wizardcoder.cli.main import main as run
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)
    run()
