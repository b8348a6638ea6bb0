"""`python -m art_snn` is the command `art-snn`."""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command, which can be interrupted while it is still being loaded."""
    try:
        from art_snn.cli import main as command
    except KeyboardInterrupt:
        sys.stderr.write("art-snn: interrupted\n")
        sys.exit(130)
    command()


if __name__ == "__main__":
    main()
