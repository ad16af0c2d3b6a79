"""Files that h5py, netCDF4 and pyarrow wrote are scanned without a column list.

usage: scan_foreign_files.py PATH/storage_files
"""
import datetime
import decimal
import os
import random
import subprocess
import sys
import tempfile
import unittest

import h5py
import netCDF4
import numpy as np
import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq

PROGRAM = sys.argv.pop(1)


def scan(kind, location, **options):
    settings = [f"{k.replace('_', '.')}={v}" for k, v in options.items()]
    return subprocess.run([PROGRAM, "scan", kind, location, *settings], capture_output=True, text=True)


class Foreign(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory(prefix="tajo-storage-")
        self.addCleanup(self.directory.cleanup)

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def bytes_of(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def lines(self, kind, location, **options):
        result = scan(kind, location, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout.splitlines()

    def error(self, kind, location, **options):
        result = scan(kind, location, **options)
        self.assertEqual(result.returncode, 1, f"{result.returncode} {result.stdout} {result.stderr}")
        return result.stderr

    def test_datasets_of_a_group(self):
        n = 150_000
        with h5py.File(self.path("run.h5"), "w") as f:
            g = f.create_group("run")
            g["Energy"] = np.arange(n) * 0.5
            g.create_dataset("id", data=np.arange(n, dtype="u4"), chunks=(10_000,), compression="gzip")
            g["big_endian"] = (np.arange(n) % 100).astype(">i2")
            g["ok"] = np.arange(n) % 2 == 0
            g["tag"] = np.array([b"alpha", b"be"] * (n // 2))
            g["note"] = [f"n{i}" for i in range(n)]
            g.create_dataset("color", data=np.arange(n) % 2, dtype=h5py.enum_dtype({"RED": 0, "BLUE": 1}, basetype="i1"))
            g["image"] = np.zeros((4, 4))
            g["short"] = np.arange(3)
            f.attrs["experiment"] = "x"
        lines = self.lines("hdf5", self.path("run.h5"), hdf5_group="/run")
        self.assertEqual(sorted(lines[0].split("|")), ["big_endian:INT2", "color:TEXT", "energy:FLOAT8", "id:INT8",
                                                       "note:TEXT", "ok:BOOLEAN", "tag:TEXT"])
        self.assertEqual(len(lines), n + 1)
        columns = [c.split(":")[0] for c in lines[0].split("|")]
        for i in (0, 1, 77_777, n - 1):
            row = dict(zip(columns, lines[i + 1].split("|")))
            self.assertEqual(float(row["energy"]), i * 0.5)
            self.assertEqual((row["id"], row["big_endian"]), (str(i), str(i % 100)))
            self.assertEqual((row["ok"], row["tag"]), ("t" if i % 2 == 0 else "f", "alpha" if i % 2 == 0 else "be"))
            self.assertEqual((row["note"], row["color"]), (f"n{i}", "RED" if i % 2 == 0 else "BLUE"))

    def test_compound(self):
        dtype = np.dtype([("X", "<f4"), ("n", "<i8"), ("name", "S5"), ("pair", "<f8", (2,))])
        table = np.zeros(70_000, dtype)
        table["X"], table["n"], table["name"] = 1.5, np.arange(70_000), b"abc"
        with h5py.File(self.path("c.h5"), "w") as f:
            f["events"] = table
        for options in ({}, {"hdf5_group": "/events"}, {"hdf5_dataset": "events"}):
            lines = self.lines("hdf5", self.path("c.h5"), **options)
            self.assertEqual(lines[0], "x:FLOAT4|n:INT8|name:TEXT")
            self.assertEqual(lines[70_000], "1.5|69999|abc")

    def test_glob_of_netcdf_with_fill_values(self):
        for k in range(2):
            with netCDF4.Dataset(self.path(f"d{k}.nc"), "w") as d:
                d.createDimension("time", 3)
                v = d.createVariable("t", "f4", ("time",), fill_value=-999.0)
                v[:] = np.ma.masked_equal([k, -999.0, 2.0], -999.0)
                d.createVariable("i", "u8", ("time",))[:] = [2**63 + k, 1, 2]
        lines = self.lines("hdf5", self.path("d*.nc"))
        self.assertEqual(lines, ["t:FLOAT4|i:DECIMAL(20,0)", "0|9223372036854775808", "NULL|1", "2|2",
                                 "1|9223372036854775809", "NULL|1", "2|2"])

    def test_our_own_table_from_outside(self):
        subprocess.run([PROGRAM, "write", self.directory.name], check=True)
        lines = self.lines("hdf5", self.path("a.h5"))
        columns = lines[0].split("|")
        self.assertIn("price:DECIMAL(15,2)", columns)
        row = dict(zip(columns, lines[2].split("|")))
        self.assertEqual(row["price:DECIMAL(15,2)"], "79.19")
        self.assertEqual(row["k:INT8"], str(2**60 + 1))
        self.assertEqual(row["d:DATE"], "1422-06-04")
        self.assertEqual(row["flag:TEXT"], "N")
        self.assertEqual(dict(zip(columns, lines[1].split("|")))["price:DECIMAL(15,2)"], "NULL")

    def test_hdf5_errors(self):
        with h5py.File(self.path("a.h5"), "w") as f:
            f["g/x"] = np.arange(100_000)
            f["empty"] = h5py.Empty("f")
        self.assertIn("42P01", self.error("hdf5", self.path("a.h5"), hdf5_group="/nothere"))
        self.assertIn("no 1-D dataset", self.error("hdf5", self.path("a.h5")))
        with open(self.path("bad.h5"), "wb") as f:
            f.write(self.bytes_of("a.h5")[:5000])
        self.assertIn("bad.h5", self.error("hdf5", self.path("bad.h5"), hdf5_group="/g"))
        with open(self.path("text.h5"), "w") as f:
            f.write("no HDF5 at all")
        self.assertIn("it is not an HDF5 file", self.error("hdf5", self.path("text.h5")))
        self.assertIn("58P01", self.error("hdf5", self.path("missing.h5")))

    def test_damaged_hdf5_never_ends_the_process(self):
        n = 3000
        with h5py.File(self.path("good.h5"), "w") as f:
            g = f.create_group("run")
            g["x"] = np.arange(n) * 0.5
            g.create_dataset("id", data=np.arange(n, dtype="u4"), chunks=(500,), compression="gzip")
            g["tag"] = np.array([b"alpha", b"be"] * (n // 2))
            g["note"] = [f"n{i}" for i in range(n)]
        good = self.bytes_of("good.h5")
        chance = random.Random(5)
        for k in range(30):
            bad = bytearray(good)
            if k % 3 == 0:
                bad = bad[: chance.randrange(len(bad))]
            for _ in range(20 if k % 3 != 0 else 0):
                bad[chance.randrange(min(len(bad), 12_000) if k % 3 == 1 else len(bad))] = chance.randrange(256)
            with open(self.path("bad.h5"), "wb") as f:
                f.write(bad)
            result = scan("hdf5", self.path("bad.h5"), hdf5_group="/run")
            self.assertIn(result.returncode, (0, 1), f"variant {k}: {result.stderr}")

    def parquet(self, name, table, **options):
        pq.write_table(table, self.path(name), **options)

    def test_parquet_types(self):
        D, dt = decimal.Decimal, datetime
        table = pa.table({
            "b": pa.array([True, None, False]),
            "I1": pa.array([1, None, -1], pa.int8()),
            "u4": pa.array([2**32 - 1, None, 0], pa.uint32()),
            "u8": pa.array([2**64 - 1, None, 0], pa.uint64()),
            "f": pa.array([1.5, None, float("nan")], pa.float32()),
            "d9": pa.array([D("1.25"), None, D("-0.01")], pa.decimal128(9, 2)),
            "d38": pa.array([D("12345678901234567890123456789.5"), None, D(0)], pa.decimal128(38, 1)),
            "s": pa.array(["é", None, ""]),
            "ds": pa.array(["x", None, "y"]).dictionary_encode(),
            "bin": pa.array([b"\x00\xff", None, b""], pa.binary()),
            "day": pa.array([dt.date(1500, 1, 1), None, dt.date(2024, 2, 29)]),
            "ts": pa.array([dt.datetime(2024, 1, 1, 0, 0, 0, 5), None, dt.datetime(1960, 1, 1)], pa.timestamp("us")),
            "ns": pa.array([1_000_001_500, None, -1], pa.timestamp("ns")),
            "tz": pa.array([0, None, 1000], pa.timestamp("ms", tz="UTC")),
            "t": pa.array([dt.time(1, 2, 3), None, dt.time(0)], pa.time32("s")),
            "nested": pa.array([[1], None, []]),
        })
        self.parquet("t.parquet", table, row_group_size=2)
        lines = self.lines("parquet", self.path("t.parquet"))
        self.assertEqual(lines[0], "b:BOOLEAN|i1:INT1|u4:INT8|u8:DECIMAL(20,0)|f:FLOAT4|d9:DECIMAL(9,2)|d38:DECIMAL(38,1)"
                         "|s:TEXT|ds:TEXT|bin:BLOB|day:DATE|ts:TIMESTAMP|ns:TIMESTAMP|tz:TIMESTAMPTZ|t:TIME")
        self.assertEqual(lines[1].split("|")[:13], [
            "t", "1", "4294967295", "18446744073709551615", "1.5", "1.25", "12345678901234567890123456789.5", "é", "x",
            "\\x00ff", "1500-01-01", "2024-01-01 00:00:00.000005", "1970-01-01 00:00:01.000001"])
        self.assertEqual(lines[1].split("|")[14], "01:02:03")
        self.assertEqual(set(lines[2].split("|")), {"NULL"})
        self.assertEqual(lines[3].split("|")[:9], ["f", "-1", "0", "0", "NaN", "-0.01", "0.0", "", "y"])

    def test_parquet_texts_declared_otherwise_and_orc(self):
        table = pa.table({"k": pa.array(range(100_000)), "day": pa.array([datetime.date(1999, 12, 31), None] * 50_000),
                          "x": pa.array([0.5] * 100_000), "D": pa.array([decimal.Decimal("1.50")] * 100_000, pa.decimal128(9, 2))})
        orc.write_table(table, self.path("o.orc"))
        lines = self.lines("orc", self.path("o.orc"))
        self.assertEqual(lines[0], "k:INT8|day:DATE|x:FLOAT8|d:DECIMAL(9,2)")
        self.assertEqual(len(lines), 100_001)
        self.assertEqual((lines[1], lines[100_000]), ("0|1999-12-31|0.5|1.50", "99999|NULL|0.5|1.50"))
        with open(self.path("bad.orc"), "wb") as f:
            f.write(self.bytes_of("o.orc")[:1000])
        self.assertIn("bad.orc", self.error("orc", self.path("bad.orc")))

    def test_json_lines(self):
        with open(self.path("a.jsonl"), "w") as f:
            for i in range(60_000):
                f.write('{"i": %d, "s": "v%d", "f": 0.5, "b": true, "when": "2024-01-31T00:00:05", "deep": {"x": 1}}\n' % (i, i))
            f.write('{"i": null, "f": 7}\n')
        lines = self.lines("json", self.path("a.jsonl"))
        self.assertEqual(lines[0], "i:INT8|s:TEXT|f:FLOAT8|b:BOOLEAN|when:TIMESTAMP")
        self.assertEqual(lines[60_000], "59999|v59999|0.5|t|2024-01-31 00:00:05")
        self.assertEqual(lines[60_001], "NULL|NULL|7|NULL|NULL")
        with open(self.path("b.json"), "w") as f:
            f.write('{"i": 1}\n{"i": \n')
        self.assertIn("b.json", self.error("json", self.path("b.json")))

    def test_parquet_many_rows_and_damage(self):
        n = 200_000
        table = pa.table({"k": pa.array(range(n)), "s": pa.array([None if i % 3 == 0 else f"s{i}" for i in range(n)])})
        self.parquet("m.parquet", table, row_group_size=60_000)
        lines = self.lines("parquet", self.directory.name)
        self.assertEqual(len(lines), n + 1)
        self.assertEqual(lines[1:], [f"{i}|{'NULL' if i % 3 == 0 else f's{i}'}" for i in range(n)])
        data = bytearray(self.bytes_of("m.parquet"))
        with open(self.path("cut.parquet"), "wb") as f:
            f.write(data[: len(data) // 2])
        self.assertIn("cut.parquet", self.error("parquet", self.path("cut.parquet")))
        for at in range(5_000, len(data) - 2_000, len(data) // 20):
            data[at] ^= 0xFF
        with open(self.path("flip.parquet"), "wb") as f:
            f.write(data)
        result = scan("parquet", self.path("flip.parquet"))
        self.assertIn(result.returncode, (0, 1), result.stderr)


if __name__ == "__main__":
    unittest.main()
