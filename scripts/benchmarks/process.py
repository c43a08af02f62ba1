"""What a running process takes of this host, as the kernel counts it."""

import asyncio
import os
from pathlib import Path

_QUIET_SECONDS = 10.0
_QUIET_CPU = 0.5
_QUIET_TRIES = 12


def memory(pid: int) -> tuple[float, float]:
    """Return the MiB that a process keeps in memory, and those that are only its own."""
    kib: dict[str, int] = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, value, *_ = line.split()
        kib[name.rstrip(":")] = int(value)
    private = kib["Private_Clean"] + kib["Private_Dirty"]
    return round(kib["Rss"] / 1024, 1), round(private / 1024, 1)


def cpu_seconds(pid: int) -> float:
    """Return the seconds of processor time that a process has used."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


async def quiet(pid: int) -> None:
    """Wait until a process has done next to nothing for a while.

    Raises:
        RuntimeError: It always does something.
    """
    for _ in range(_QUIET_TRIES):
        used = cpu_seconds(pid)
        await asyncio.sleep(_QUIET_SECONDS)
        if cpu_seconds(pid) - used < _QUIET_CPU:
            return
    raise RuntimeError("Home Assistant does not come to rest")
