"""A microphone for a satellite: plays what is put into a folder, else a quiet room."""

from pathlib import Path
import random
import sys
import time

_CHUNK = 2048
_SECONDS = _CHUNK / 32_000


def main() -> None:
    """Write 16 kHz, 16 bit, mono audio to standard output in real time."""
    folder = Path(sys.argv[1])
    noise = random.Random(1)
    quiet = b"".join(
        noise.randint(-3, 3).to_bytes(2, "little", signed=True)
        for _ in range(_CHUNK // 2)
    )
    waiting = b""
    due = time.monotonic()
    while True:
        if not waiting and (found := sorted(folder.glob("*.pcm"))):
            waiting = found[0].read_bytes()
            found[0].unlink()
        piece, waiting = waiting[:_CHUNK], waiting[_CHUNK:]
        sys.stdout.buffer.write(piece.ljust(_CHUNK, b"\0") if piece else quiet)
        sys.stdout.buffer.flush()
        due += _SECONDS
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    main()
