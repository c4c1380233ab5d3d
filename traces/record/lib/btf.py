"""Struct member offsets out of a kernel's BTF (BPF Type Format, type information every distribution kernel carries).

Nothing is guessed: every offset comes from the blob of the very kernel that is recorded.
    btf = Btf.open("/sys/kernel/btf/vmlinux")          # running kernel
    btf = Btf.open("vmlinuz")                          # arm64 Image, plain or gzip
    btf.member("kvm_vcpu", "arch.vgic_cpu")            # Member(bits=..., width=0): a plain member
"""
import collections
import gzip
import struct

MAGIC = 0xEB9F
INT, PTR, ARRAY, STRUCT, UNION, ENUM, FUNC, FUNC_PROTO = 1, 2, 3, 4, 5, 6, 12, 13
VAR, DATASEC, DECL_TAG, ENUM64 = 14, 15, 17, 19
TRANSPARENT = (8, 9, 10, 11, 18)       # TYPEDEF, VOLATILE, CONST, RESTRICT, TYPE_TAG
# bytes that follow the 12-byte record of a kind, and bytes per element
TRAILER = {INT: 4, VAR: 4, DECL_TAG: 4, ARRAY: 12}
ELEMENT = {STRUCT: 12, UNION: 12, ENUM: 8, FUNC_PROTO: 8, DATASEC: 12, ENUM64: 12}

# bits: offset from the start of the struct; width: 0, or the width of a bit field
Member = collections.namedtuple("Member", "bits width type_id")


class BtfError(Exception):
    pass


def read_image(path):
    """The bytes of an arm64 Image; a gzip-compressed one is unpacked."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if data[4:8] == b"zimg":
        raise BtfError("%s: compressed EFI image; unpack it to a plain Image first" % path)
    return data


class Btf:
    def __init__(self, blob, where):
        magic, _version, _flags, hdr, type_off, type_len, str_off, str_len = struct.unpack_from("<HBBIIIII", blob, 0)
        if magic != MAGIC:
            raise BtfError("%s: no BTF magic; build the kernel with CONFIG_DEBUG_INFO_BTF" % where)
        types = blob[hdr + type_off:hdr + type_off + type_len]
        self.where = where
        self.strings = blob[hdr + str_off:hdr + str_off + str_len]
        self.types = [(0, 0, 0, 0, ())]
        self.structs = {}
        self.functions = {}
        at = 0
        while at < len(types):
            name, info, size = struct.unpack_from("<III", types, at)
            at += 12
            kind, count, kflag = (info >> 24) & 0x1F, info & 0xFFFF, info >> 31
            members = ()
            if kind in (STRUCT, UNION):
                members = [struct.unpack_from("<III", types, at + 12 * i) for i in range(count)]
                if name:
                    self.structs.setdefault(self.string(name), len(self.types))
            elif kind == FUNC_PROTO:
                members = [struct.unpack_from("<II", types, at + 8 * i) for i in range(count)]
            elif kind == FUNC:
                self.functions.setdefault(self.string(name), size)
            at += TRAILER.get(kind, 0) + ELEMENT.get(kind, 0) * count
            self.types.append((kind, name, size, kflag, members))

    @classmethod
    def open(cls, path):
        """BTF of a kernel Image, or a raw blob such as /sys/kernel/btf/vmlinux."""
        data = read_image(path)
        if struct.unpack_from("<H", data, 0)[0] == MAGIC:
            return cls(data, path)
        at = -1
        while True:
            at = data.find(struct.pack("<HBBI", MAGIC, 1, 0, 24), at + 1)
            if at < 0:
                raise BtfError("%s: no BTF found; build the kernel with CONFIG_DEBUG_INFO_BTF" % path)
            _m, _v, _f, hdr, type_off, type_len, str_off, str_len = struct.unpack_from("<HBBIIIII", data, at)
            if type_off == 0 and str_off == type_len and type_len > 100000:
                return cls(data[at:at + hdr + str_off + str_len], path)

    def string(self, off):
        return self.strings[off:self.strings.index(b"\0", off)].decode()

    def strip(self, type_id):
        """The type behind typedefs and qualifiers."""
        while self.types[type_id][0] in TRANSPARENT:
            type_id = self.types[type_id][2]
        return type_id

    def find_member(self, type_id, name):
        kind, _name, _size, kflag, members = self.types[type_id]
        if kind not in (STRUCT, UNION):
            return None
        for member_name, member_type, packed in members:
            bits, width = (packed & 0xFFFFFF, packed >> 24) if kflag else (packed, 0)
            inner = self.strip(member_type)
            if member_name and self.string(member_name) == name:
                return Member(bits, width, inner)
            if not member_name:                            # anonymous struct or union
                found = self.find_member(inner, name)
                if found is not None:
                    return Member(bits + found.bits, found.width, found.type_id)
        return None

    def member(self, struct_name, path):
        """Member of a struct by dotted path; BtfError if this kernel has none."""
        if struct_name not in self.structs:
            raise BtfError("%s: no struct %s in this kernel" % (self.where, struct_name))
        bits, type_id, found = 0, self.structs[struct_name], None
        for part in path.split("."):
            found = self.find_member(type_id, part)
            if found is None:
                raise BtfError("%s: struct %s has no member %s in this kernel" % (self.where, struct_name, path))
            bits, type_id = bits + found.bits, found.type_id
        return Member(bits, found.width, type_id)

    def offset(self, struct_name, path):
        """Byte offset of a member that is no bit field."""
        found = self.member(struct_name, path)
        if found.width:
            raise BtfError("%s: %s.%s is a bit field in this kernel" % (self.where, struct_name, path))
        return found.bits // 8

    def pointers(self, function):
        """The struct each argument of a function points to ("" for other arguments); None if BTF has no such function."""
        if function not in self.functions:
            return None
        names = []
        for _name, type_id in self.types[self.functions[function]][4]:
            kind, _n, target, _k, _m = self.types[self.strip(type_id)]
            pointee = self.types[self.strip(target)] if kind == PTR else (0, 0, 0, 0, ())
            names.append(self.string(pointee[1]) if pointee[0] == STRUCT else "")
        return names
