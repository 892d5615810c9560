"""Ways in which files get damaged, or are made to do harm; the same seed gives the same damage.

Every mutation takes the content of a file and a random generator and returns other content. What is
compressed is damaged inside as often as outside: from outside, checksums find nearly everything.
"""

from __future__ import annotations

import gzip
import io
import re
import struct
import warnings
import zlib
from collections.abc import Callable, Sequence

import numpy as np

Rng = np.random.Generator
Mutation = Callable[[bytes, Rng], bytes]

HEADER = 600  # bytes, within which most headers lie
GZIP = b"\x1f\x8b"
_PART = 16 << 20  # bytes of zeros that are compressed once and repeated

_INTEGERS = (0, 1, -1, 127, 128, 255, 32767, 32768, 65535, 2**31 - 1, -(2**31), 2**32 - 1, 2**63)
_FLOATS = (0.0, -1.0, 1e-30, 1e30, 3e38, float("nan"), float("inf"), -float("inf"))
_WORDS = ("0", "-1", "1", "7", "65536", "99999999999", "1e308", "nan", "inf", "-0.0", "", "x", "é")
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_TAGS: dict[str, Sequence[object]] = {
    "Rows": (0, 1, 65535),
    "Columns": (0, 1, 65535),
    "BitsAllocated": (0, 1, 8, 12, 32, 64, 65535),
    "BitsStored": (0, 1, 17, 65535),
    "HighBit": (0, 65535),
    "SamplesPerPixel": (0, 3, 65535),
    "PixelRepresentation": (1, 2, 65535),
    "NumberOfFrames": ("0", "-1", "2147483647", "x", ""),
    "PixelSpacing": ("0\\0", "-1\\1", "nan\\nan", "1e308\\1e308", "1", "", "a\\b"),
    "SliceThickness": ("0", "-3", "inf", "1e308", ""),
    "ImagePositionPatient": ("0\\0", "nan\\0\\0", "1e308\\1e308\\1e308", "a\\b\\c", ""),
    "ImageOrientationPatient": ("0\\0\\0\\0\\0\\0", "1\\0\\0\\1\\0\\0", "nan\\0\\0\\0\\1\\0", "9"),
    "RescaleSlope": ("0", "-1", "1e308", "nan", "inf", "", "a"),
    "RescaleIntercept": ("1e308", "-inf", "nan", "", "b"),
    "PhotometricInterpretation": ("RGB", "PALETTE COLOR", "MONOCHROME1", "", "YBR_FULL_422"),
    "SeriesInstanceUID": ("", "1..2", "x" * 70),
    "SOPClassUID": ("", "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.481.3"),
    "Modality": ("", "OPT", "SEG", "SR"),
}


def truncated(content: bytes, rng: Rng) -> bytes:
    return content[: int(rng.integers(0, max(len(content), 1)))]


def flipped(content: bytes, rng: Rng) -> bytes:
    """Change up to six bits, mostly within the header."""
    changed = bytearray(content)
    end = min(len(changed), HEADER) if rng.random() < 0.7 else len(changed)
    for _ in range(int(rng.integers(1, 7)) if end else 0):
        changed[int(rng.integers(0, end))] ^= 1 << int(rng.integers(0, 8))
    return bytes(changed)


def zeroed(content: bytes, rng: Rng) -> bytes:
    """Set a run to zeros, as a copy that broke off leaves them."""
    return _run(content, rng, bytes)


def erased(content: bytes, rng: Rng) -> bytes:
    """Take a run out, so that all that follows lies elsewhere."""
    return _run(content, rng, lambda length: b"")


def swapped(content: bytes, rng: Rng) -> bytes:
    """Exchange neighbouring bytes, of a run of words of 2, 4 or 8 bytes."""
    width = int(rng.choice([2, 4, 8]))
    start = int(rng.integers(0, max(min(len(content), HEADER), 1))) // width * width
    count = int(rng.integers(1, 40))
    words = content[start : start + width * count]
    words = words[: len(words) // width * width]
    turned = b"".join(words[at : at + width][::-1] for at in range(0, len(words), width))
    return content[:start] + turned + content[start + len(words) :]


def extreme_word(content: bytes, rng: Rng) -> bytes:
    """Set a number in a binary header to an extreme."""
    order = "<>"[int(rng.integers(2))]
    kind = "BhHiIqfd"[int(rng.integers(8))]
    if kind in "fd":
        packed = struct.pack(order + kind, float(rng.choice(_FLOATS)))
    else:
        size = struct.calcsize(kind)
        number = _INTEGERS[int(rng.integers(len(_INTEGERS)))] & (256**size - 1)
        packed = number.to_bytes(size, "little" if order == "<" else "big")
    limit = min(len(content), HEADER) if rng.random() < 0.8 else len(content)
    at = int(rng.integers(0, max(limit - len(packed), 1)))
    at -= at % (2 if rng.random() < 0.8 else 1)
    return content[:at] + packed + content[at + len(packed) :]


def extreme_text(content: bytes, rng: Rng) -> bytes:
    """Set a number in a header of text to an extreme; a word, where there is no text."""
    found = list(_NUMBER.finditer(content[: 4 * HEADER]))
    if not found:
        return extreme_word(content, rng)
    match = found[int(rng.integers(len(found)))]
    word = _WORDS[int(rng.integers(len(_WORDS)))].encode()
    return content[: match.start()] + word + content[match.end() :]


def extreme_tag(content: bytes, rng: Rng) -> bytes:
    """Set one or two elements of DICOM to an extreme, or take them out."""
    import pydicom

    keys = list(_TAGS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = pydicom.config.settings.writing_validation_mode
        pydicom.config.settings.writing_validation_mode = pydicom.config.IGNORE
        try:
            dataset = pydicom.dcmread(io.BytesIO(content), force=True)
            for _ in range(int(rng.integers(1, 3))):
                key = keys[int(rng.integers(len(keys)))]
                value = _TAGS[key][int(rng.integers(len(_TAGS[key])))]
                _set(dataset, key, value, gone=rng.random() < 0.2)
            stream = io.BytesIO()
            dataset.save_as(stream, enforce_file_format=False)
        except Exception:  # noqa: BLE001 - what cannot be written so is damaged in another way
            return extreme_word(content, rng)
        finally:
            pydicom.config.settings.writing_validation_mode = before
    return stream.getvalue()


def _set(dataset: object, key: str, value: object, gone: bool) -> None:
    """Set an element as it is to be written, past the checks of pydicom."""
    from pydicom.datadict import dictionary_VR, tag_for_keyword
    from pydicom.dataelem import RawDataElement
    from pydicom.tag import Tag

    tag = Tag(tag_for_keyword(key) or 0)
    if gone:
        dataset.__dict__["_dict"].pop(tag, None)
        return
    raw = struct.pack("<H", value) if isinstance(value, int) else str(value).encode()
    raw += b" " * (len(raw) % 2)
    dataset.__dict__["_dict"][tag] = RawDataElement(
        tag, dictionary_VR(tag), len(raw), raw, 0, False, True
    )


def _run(content: bytes, rng: Rng, instead: Callable[[int], bytes]) -> bytes:
    start = int(rng.integers(0, max(min(len(content), HEADER), 1)))
    if rng.random() < 0.3:
        start = int(rng.integers(0, max(len(content), 1)))
    length = int(rng.choice([1, 4, 16, 64, 512, 4096]))
    cut = content[start : start + length]
    return content[:start] + instead(len(cut)) + content[start + len(cut) :]


GENERAL: dict[str, Mutation] = {
    "truncated": truncated,
    "bits flipped": flipped,
    "zeros": zeroed,
    "bytes taken out": erased,
    "bytes swapped": swapped,
    "extreme numbers": extreme_word,
}
TEXT = {"extreme fields": extreme_text}
DICOM = {"extreme fields": extreme_tag}


def within(mutation: Mutation) -> Mutation:
    """Return the mutation of what a gzip file holds, packed again."""

    def inside(content: bytes, rng: Rng) -> bytes:
        return gzip.compress(mutation(gzip.decompress(content), rng), 1, mtime=0)

    return inside


def zeros(head: bytes, size: int, wbits: int = 31) -> bytes:
    """Return `head` and `size` bytes of zeros, compressed to a thousandth; wbits: as of zlib.

    What is compressed once is repeated, which leaves the checksum at the end wrong.
    """
    packing = zlib.compressobj(9, zlib.DEFLATED, wbits)
    data = packing.compress(head) + packing.flush(zlib.Z_FULL_FLUSH)
    first = packing.compress(bytes(_PART)) + packing.flush(zlib.Z_FULL_FLUSH)
    again = packing.compress(bytes(_PART)) + packing.flush(zlib.Z_FULL_FLUSH)
    return data + first + again * (size // _PART) + packing.flush()


def png(side: int) -> bytes:
    """Return a picture of `side` x `side` grey pixels that are all 0."""
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zeros(b"", side * (side + 1), 15)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part))
        for name, part in parts
    )


def tiff(side: int) -> bytes:
    """Return a picture of `side` x `side` grey pixels that are all 0, in one packed strip."""
    data = zeros(b"", side * side, 15)
    tags = (
        *((256, 4, side), (257, 4, side), (258, 3, 8), (259, 3, 8), (262, 3, 1)),
        *((273, 4, 8 + 2 + 9 * 12 + 4), (277, 3, 1), (278, 4, side), (279, 4, len(data))),
    )
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + data
