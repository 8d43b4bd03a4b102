"""The `gesso` command. The version is answered here, before any library is loaded."""

import sys


def main() -> None:
    """Run the command line and leave with its exit code: 0 done, 1 it failed, 2 it was asked wrongly."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from gesso import __version__

        sys.stdout.write(f"gesso {__version__}\n")
        return
    from gesso.cli.app import run

    sys.exit(run())


if __name__ == "__main__":
    main()
