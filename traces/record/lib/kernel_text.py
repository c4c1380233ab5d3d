"""Symbols and machine code of a kernel: where to put probes that no symbol names.

Code is read from an Image file or, on the running machine, from /proc/kcore. Only a handful of A64 instructions is
recognised, by the encodings of the Arm Architecture Reference Manual (ARM DDI 0487).
"""
import gzip
import struct

from btf import read_image


class TextError(Exception):
    pass


def read_symbols(path):
    """name -> address of the kernel proper (no modules), from kallsyms text, plain or gzip."""
    with open(path, "rb") as f:
        raw = f.read()
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    symbols = {}
    for line in raw.decode().splitlines():
        fields = line.split()
        if len(fields) == 3:
            symbols.setdefault(fields[2], int(fields[0], 16))
    if not any(symbols.values()):
        raise TextError("%s: all addresses are 0; be root and set sysctl kernel.kptr_restrict to 0 or 1" % path)
    return symbols


class ImageCode:
    """Code of an Image file. Its first byte is at symbol _text, one 64 KiB segment below _stext."""

    def __init__(self, path, symbols):
        self.data = read_image(path)
        self.base = symbols.get("_text", symbols["_stext"] - 0x10000)

    def read(self, address, size):
        return self.data[address - self.base:address - self.base + size]


class KcoreCode:
    """Memory of the running kernel through the ELF program headers of /proc/kcore."""

    def __init__(self, path):
        self.file = open(path, "rb", buffering=0)
        ident = self.file.read(64)
        if ident[:5] != b"\x7fELF\x02":
            raise TextError("%s: not a 64-bit ELF file" % path)
        ph_off, = struct.unpack_from("<Q", ident, 32)
        ph_size, ph_count = struct.unpack_from("<HH", ident, 54)
        self.segments = []
        for i in range(ph_count):
            self.file.seek(ph_off + i * ph_size)
            kind, _flags, offset, vaddr, _paddr, file_size = struct.unpack_from("<IIQQQQ", self.file.read(ph_size), 0)
            if kind == 1:
                self.segments.append((vaddr, file_size, offset))

    def read(self, address, size):
        for vaddr, length, offset in self.segments:
            if vaddr <= address and address + size <= vaddr + length:
                self.file.seek(offset + address - vaddr)
                data = self.file.read(size)
                if len(data) == size:
                    return data
        raise TextError("/proc/kcore does not hold address 0x%x; pass the kernel's Image instead" % address)


class KernelText:
    def __init__(self, symbols, code):
        self.symbols = symbols
        self.code = code
        self.addresses = sorted(set(symbols.values()))

    def has(self, function):
        return function in self.symbols

    def instructions(self, function):
        """[(offset, word)] of every instruction of a function."""
        start = self.symbols[function]
        following = [a for a in self.addresses if a > start]
        size = min(following) - start
        words = struct.unpack("<%dI" % (size // 4), self.code.read(start, size // 4 * 4))
        return [(4 * i, word) for i, word in enumerate(words)]

    def calls(self, function, callee):
        """Offsets of the BL instructions from function to callee."""
        found = []
        for offset, word in self.instructions(function):
            if word >> 26 == 0b100101:
                words = word & 0x3FFFFFF
                if words & 0x2000000:
                    words -= 0x4000000
                if self.symbols[function] + offset + 4 * words == self.symbols[callee]:
                    found.append(offset)
        return found

    def stores(self, function, displacement):
        """(offset, Rt, Rn) of every "str Xt, [Xn, #displacement]" whose base is not the stack pointer."""
        return [(offset, word & 31, word >> 5 & 31) for offset, word in self.instructions(function)
                if word & 0xFFC00000 == 0xF9000000 and (word >> 10 & 0xFFF) * 8 == displacement and word >> 5 & 31 != 31]

    def next_barrier(self, function, offset):
        """Offset of the first DMB within 64 bytes, or None."""
        for at, word in self.instructions(function):
            if offset <= at < offset + 64 and word & 0xFFFFF0FF == 0xD50330BF:
                return at
        return None

    def compared_register(self, function, offset):
        """n of the last "cmp wA, wN; cset" before offset with a callee-saved wN, or None."""
        words = dict(self.instructions(function))
        for at in range(offset - 4, offset - 40, -4):
            word = words.get(at, 0)
            if word & 0xFFE0FC1F == 0x6B00001F:
                register = word >> 16 & 31
                if 19 <= register <= 28 and words.get(at + 4, 0) & 0xFFFF0FE0 == 0x1A9F07E0:
                    return register
        return None
