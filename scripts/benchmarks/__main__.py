"""The command: runs a subject and prints what it measured."""

import argparse
import asyncio
from importlib import import_module
import json
import pkgutil
import signal
import sys
from types import ModuleType
from typing import Any

from .table import table


def subjects() -> dict[str, ModuleType]:
    """Return the modules that measure something."""
    package = sys.modules[__package__]
    modules = {
        info.name: import_module(f"{__package__}.{info.name}")
        for info in pkgutil.iter_modules(package.__path__)
        if info.name != "__main__"
    }
    return {name: m for name, m in sorted(modules.items()) if hasattr(m, "measure")}


def say(line: str) -> None:
    """Show progress where it does not mix with the result."""
    print(line, file=sys.stderr, flush=True)


def positive(text: str) -> int:
    """Return a number of rounds.

    Raises:
        ValueError: It is none.
    """
    if (number := int(text)) < 1:
        raise ValueError
    return number


async def measure(subject: ModuleType, rounds: int) -> dict[str, Any]:
    """Measure; when asked to stop, stop what was started."""
    task = asyncio.current_task()
    assert task is not None
    for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(how, task.cancel)
    result: dict[str, Any] = await subject.measure(rounds, say)
    return result


def main() -> int:
    """Run the command; return the exit status."""
    known = subjects()
    listed = "\n".join(
        f"  {name:<10} {(module.__doc__ or '').splitlines()[0]}"
        for name, module in known.items()
    )
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure what the integration costs and how fast it is.",
        epilog=f"subjects:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("subject", nargs="?", choices=known, metavar="SUBJECT")
    parser.add_argument("--rounds", type=positive, help="how often to measure")
    parser.add_argument("--json", action="store_true", help="print JSON, no table")
    options = parser.parse_args()
    if options.subject is None:
        parser.print_help()
        return 0
    subject = known[options.subject]
    try:
        result = asyncio.run(measure(subject, options.rounds or subject.ROUNDS))
    except asyncio.CancelledError:
        say("stopped")
        return 1
    except (TimeoutError, RuntimeError, OSError) as err:
        say(f"could not measure: {type(err).__name__}: {err}")
        return 1
    if options.json:
        print(json.dumps(result))
    else:
        print(table(subject.rows(result)), subject.verdict(result), sep="\n\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
