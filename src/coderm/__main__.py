"""`python -m coderm` is the command line."""

from coderm.cli import main

main()
