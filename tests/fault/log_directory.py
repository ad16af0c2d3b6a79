"""The commit log as a reader without the cluster sees it: rows, slots, chained batches; docs/formats.md (Log).

    slots = read_log(root / "system/log")      # [Slot], oldest first
    problems = check_log(slots)                # what must never be"""
import collections
import ctypes
import ctypes.util
import os
import re
import struct

SLOT = re.compile(r"e(\d+) s([0-9a-f]+) l(\d+) h([0-9a-f]{16}) n([0-9a-f]{16})")
ROW = re.compile(r"\d{8}-.+")
FIRST_ROW = "00000001-first"
CLAIM, VIEW, CLOSE = 1, 2, 8
Slot = collections.namedtuple("Slot", "row index epoch segment begin length hash nonce made kinds previous good")

_xxhash = ctypes.CDLL(ctypes.util.find_library("xxhash"))
_xxhash.XXH3_64bits_withSeed.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]
_xxhash.XXH3_64bits_withSeed.restype = ctypes.c_uint64


def _records(batch):
    """Kinds of the records of a batch."""
    kinds, at = [], 16
    for _ in range(struct.unpack_from("<I", batch, 4)[0]):
        size, _, _, _, kind = struct.unpack_from("<IIQQB", batch, at)
        kinds.append(kind)
        at += 8 + size
    return kinds


def read_log(directory):
    slots = []
    for row in sorted(r for r in os.listdir(directory) if ROW.fullmatch(r)):
        before = None
        for name in sorted(n for n in os.listdir(directory / row) if n.isdigit()):
            path = directory / row / name
            epoch, segment, length, chain, nonce = SLOT.fullmatch(os.readlink(path)).groups()
            begin = before.length if before and before.segment == segment else 0
            try:
                with open(directory / "data" / f"segment-{segment:0>16}", "rb") as file:
                    file.seek(begin)
                    batch = file.read(int(length) - begin)
                good = batch[:4] == b"TJB1" and _xxhash.XXH3_64bits_withSeed(batch, len(batch), int(epoch)) == int(chain, 16)
                previous = struct.unpack_from("<Q", batch, 8)[0]
                kinds = _records(batch)
            except (OSError, struct.error):
                good, previous, kinds = False, 0, []
            before = Slot(row, int(name), int(epoch), segment, begin, int(length), int(chain, 16), nonce,
                          os.lstat(path).st_mtime, kinds, previous, good)
            slots.append(before)
    return slots


def check_log(slots):
    """One epoch commits at a time: every slot is the child of the one before it, epochs only grow, each begins with a
    claim, a segment belongs to one epoch, the bytes are what the slot says."""
    problems, owner = [], {}
    for before, slot in zip([None] + slots, slots):
        where = f"slot {slot.row}/{slot.index:06d}"
        if not slot.good:
            problems.append(f"{where}: its bytes are not there")
            continue
        if before and (slot.previous != before.hash or not before.good):
            problems.append(f"{where}: does not follow the slot before it")
        if before and before.row == slot.row and slot.index != before.index + 1:
            problems.append(f"{where}: a slot is missing before it")
        if before and before.row != slot.row and CLOSE not in before.kinds:
            problems.append(f"{where}: the row before it was not closed")
        if before and slot.epoch < before.epoch:
            problems.append(f"{where}: epoch {slot.epoch} after {before.epoch}")
        begins = slot.epoch > before.epoch if before else slot.row == FIRST_ROW  # rows before a later one were removed
        if begins and CLAIM not in slot.kinds:
            problems.append(f"{where}: epoch {slot.epoch} begins without a claim")
        if before and slot.epoch == before.epoch and CLAIM in slot.kinds:
            problems.append(f"{where}: epoch {slot.epoch} was claimed twice")
        if owner.setdefault(slot.segment, slot.epoch) != slot.epoch:
            problems.append(f"{where}: segment {slot.segment} was written in epochs {owner[slot.segment]} and {slot.epoch}")
    return problems
