"""`python -m ventral` is the `ventral` command."""

from ventral.start import main

if __name__ == "__main__":
    main()
