"""`python -m fedcarbon.cli`: the same as the command `fedcarbon`."""

from fedcarbon.cli.main import main

main()
