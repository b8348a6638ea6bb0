"""`python -m art_snn` is the command `art-snn`."""

from art_snn.cli import main

if __name__ == "__main__":
    main()
