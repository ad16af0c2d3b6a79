"""What scientists' tools read from tables that our writer made must be the right values.

usage: tools_read_tables.py PATH/storage_files
The cells are those of cell() in storage_files.cpp; the ways to read them are those of docs/hdf5.md.
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest
from decimal import Decimal

import h5py
import numpy as np
import xarray as xr

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from table_files import ENGINES, date, exact_decimals, null_mask, open_dataset, texts, words  # noqa: E402

PROGRAM = sys.argv.pop(1)
ROWS_A, ROWS_B = 1000, 500


class Tools(unittest.TestCase):
    def assertEqual(self, got, want, message=None):
        """Long lists are compared without unittest's difference of texts, which takes minutes."""
        if isinstance(got, list) and isinstance(want, list) and got != want:
            self.fail(f"{message}: {len(got)} and {len(want)} values, first difference "
                      + str(next(((i, a, b) for i, (a, b) in enumerate(zip(got, want)) if a != b), "at the end")))
        super().assertEqual(got, want, message)

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory(prefix="tajo-storage-")
        subprocess.run([PROGRAM, "write", cls.directory.name], check=True)
        cls.paths = [cls.directory.name + "/a.h5", cls.directory.name + "/b.h5"]

    @classmethod
    def tearDownClass(cls):
        cls.directory.cleanup()

    def xarrays(self):
        for engine in ENGINES:
            with open_dataset(self.paths[0], engine) as dataset:
                yield engine, dataset

    def test_dates_with_the_defaults_of_xarray(self):
        for engine in ENGINES:
            with xr.open_dataset(self.paths[1], engine=engine) as dataset:
                self.assertEqual([str(v)[:10] for v in dataset.old.values[:2]], ["1422-06-02", "1422-06-03"], engine)

    def test_keys_of_two_to_the_sixtieth(self):
        want = [2**60 + i for i in range(ROWS_A)]
        with h5py.File(self.paths[0]) as f:
            self.assertEqual(f["k"][:].tolist(), want)
        for engine, dataset in self.xarrays():
            self.assertEqual(dataset.k.dtype, np.int64, engine)
            self.assertEqual(dataset.k.values.tolist(), want, engine)

    def test_nulls_and_their_mean(self):
        numbers = [i % 100 for i in range(ROWS_A) if i % 5 != 0]
        floats = [i + 0.5 for i in range(ROWS_A) if i % 3 != 0]
        for engine, dataset in self.xarrays():
            self.assertEqual(int(np.isnan(dataset.n.values).sum()), ROWS_A // 5, engine)
            self.assertAlmostEqual(float(dataset.n.mean()), np.mean(numbers), msg=engine)
            self.assertAlmostEqual(float(dataset.f.mean()), np.mean(floats), msg=engine)
        with h5py.File(self.paths[0]) as f:
            self.assertEqual(f["n"].dtype, np.int8)
            self.assertEqual(f["n"][:][~null_mask(f, "n")].tolist(), numbers)
            self.assertEqual(null_mask(f, "f").tolist(), [i % 3 == 0 for i in range(ROWS_A)])

    def test_large_keys_with_nulls_stay_integers(self):
        want = [None if i % 7 == 0 else 2**60 - i for i in range(ROWS_A)]
        with h5py.File(self.paths[0]) as f:
            self.assertNotIn("_FillValue", f["big"].attrs)
            got = [None if null else int(v) for v, null in zip(f["big"][:], null_mask(f, "big"))]
            self.assertEqual(got, want)
        for engine, dataset in self.xarrays():
            self.assertEqual(dataset.big.dtype, np.int64, engine)
            self.assertEqual([None if i % 7 == 0 else int(v) for i, v in enumerate(dataset.big.values)], want, engine)

    def test_exact_decimals(self):
        with h5py.File(self.paths[0]) as f:
            self.assertEqual(
                exact_decimals(f, "price"), [None if i % 11 == 0 else Decimal(i * 7919) / 100 for i in range(ROWS_A)])
            self.assertEqual(f["wide"].dtype.names, ("lo", "hi"))
            self.assertEqual(
                exact_decimals(f, "wide"),
                [None if i % 13 == 0 else Decimal(f"1234567890123456789012345{i % 10}.0123456789") for i in range(ROWS_A)])
        for engine, dataset in self.xarrays():
            self.assertAlmostEqual(float(dataset.price[1]), 79.19, msg=engine)
            self.assertTrue(np.isnan(dataset.price[11]), engine)

    def test_dates_before_1582_and_timestamps(self):
        want = [None if i % 17 == 0 else date(-200_000 + i) for i in range(ROWS_A)]
        with h5py.File(self.paths[0]) as f:
            days, null = f["d"][:], null_mask(f, "d")
            self.assertEqual([None if n else date(d) for d, n in zip(days, null)], want)
            self.assertEqual(f["d"].attrs["calendar"], b"proleptic_gregorian")
        self.assertEqual(str(want[1]), "1422-06-04")
        for engine, dataset in self.xarrays():
            self.assertEqual(["NaT" if np.isnat(v) else str(v)[:10] for v in dataset.d.values],
                             ["NaT" if v is None else str(v) for v in want], engine)
            self.assertEqual(dataset.ts.values[3], np.datetime64("1970-01-01") + np.timedelta64(3 * 86_400_000_001, "us"), engine)

    def test_text_over_two_fragments(self):
        flags = [("A", "N", "R")[i % 3] for i in range(ROWS_A)] + [("N", "Z")[i % 2] for i in range(ROWS_A, ROWS_A + ROWS_B)]
        got, comments, some_words = [], [], []
        for path in self.paths:
            with h5py.File(path) as f:
                self.assertEqual(words(f, "flag"), [{v: k for k, v in h5py.check_enum_dtype(f["flag"].dtype).items()}[c]
                                                    for c in f["flag"][:]])
                got += words(f, "flag")
                some_words += words(f, "word")
                comments += texts(f, "_text/comment")
        self.assertEqual(got, flags)
        self.assertEqual(comments, [f"comment number {i * i} é" for i in range(ROWS_A + ROWS_B)])
        self.assertEqual(some_words, [None if i % 4 == 0 else f"word {i % 300}" for i in range(ROWS_A + ROWS_B)])
        for engine, dataset in self.xarrays():
            self.assertEqual(int(np.isnan(dataset.word.values).sum()), ROWS_A // 4, engine)

    def test_bools_and_odd_names(self):
        with h5py.File(self.paths[0]) as f:
            self.assertEqual(null_mask(f, "b").sum(), (ROWS_A + 5) // 6)
            self.assertEqual(f["b"][1:5].tolist(), [0, 1, 0, 1])
            self.assertEqual(f["odd%2Fname"].attrs["tajo_name"], "odd/name")
            self.assertEqual(f["odd%2Fname"][999], 999)

    def test_one_dimension_and_alignment(self):
        with h5py.File(self.paths[0]) as f:
            self.assertEqual(len(f["k"].dims[0]), 1)
            self.assertIsNone(f["k"].chunks)
            self.assertEqual(f["k"].id.get_offset() % 4096, 0)
            self.assertEqual(f["/_tajo"].attrs["rows"], ROWS_A)
        for engine, dataset in self.xarrays():
            self.assertEqual(dict(dataset.sizes)["row"], ROWS_A, engine)


if __name__ == "__main__":
    unittest.main()
