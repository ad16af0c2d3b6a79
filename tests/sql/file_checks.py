"""Checks of run_clients.py about files: those others made, read in place, and those a table consists of."""
import time
from decimal import Decimal

import h5py
import numpy
import pyarrow
import pyarrow.orc
import pyarrow.parquet

import table_files
from client_place import equal, fails


def files_of(place, table):
    """As docs/hdf5.md says where they are."""
    return sorted(place.cluster.root.glob(f"warehouse/{place.database}/{table}/*.h5"))


def check_flush(place):
    """A small INSERT is rows in the log, and no file; `tajo admin -flush` makes it one, with the same rows."""
    place.rows("CREATE TABLE t (a int4, b text)")
    place.rows("INSERT INTO t VALUES (1, 'one'), (2, NULL)")
    equal(files_of(place, "t"), [])
    done = place.cluster.tool("tajo", "admin", "-flush")
    equal((done.returncode, done.stderr), (0, ""))
    (path,) = files_of(place, "t")
    with h5py.File(path) as f:
        equal(list(zip(table_files.integers(f, "a"), table_files.words(f, "b"))), [(1, "one"), (2, None)])
    equal(place.rows("SELECT a, b FROM t ORDER BY a"), [(1, "one"), (2, None)])


CELLS = """SELECT 1152921504606846976 + i AS k, CASE WHEN i % 5 <> 0 THEN i % 100 END AS n, CASE WHEN i % 3 <> 0 THEN i + 0.5::float8 END AS f,
  CASE WHEN i % 7 <> 0 THEN 1152921504606846976 - i END AS big, CASE WHEN i % 11 <> 0 THEN (i * 79.19)::numeric(12,2) END AS price,
  CASE WHEN i % 13 <> 0 THEN (1234567890123456789012345670.0123456789 + i % 10)::numeric(38,10) END AS wide,
  CASE WHEN i % 17 <> 0 THEN date '1422-06-03' + i END AS d, timestamp '1970-01-01' + i * interval '1 day' AS ts,
  CASE WHEN i < {first} THEN substr('ANR', i % 3 + 1, 1) ELSE substr('NZ', i % 2 + 1, 1) END AS flag,
  CASE WHEN i % 4 <> 0 THEN 'word ' || i % 300 END AS word, 'comment number ' || i * i || ' é' AS comment,
  CASE WHEN i % 9 <> 0 THEN 'note ' || i END AS note
  FROM generate_series({begin}, {end} - 1) AS g (i)"""


def cell(i, first):
    """A row of CELLS as Python's values, the key left out."""
    return {"n": i % 100 if i % 5 else None, "f": i + 0.5 if i % 3 else None, "big": 2**60 - i if i % 7 else None,
            "price": Decimal(i * 7919).scaleb(-2) if i % 11 else None,
            "wide": Decimal(f"123456789012345678901234567{i % 10}.0123456789") if i % 13 else None,
            "d": str(numpy.datetime64("1422-06-03") + i) if i % 17 else None,
            "ts": str(numpy.datetime64("1970-01-01", "us") + numpy.timedelta64(i, "D")),
            "flag": "ANR"[i % 3] if i < first else "NZ"[i % 2], "word": f"word {i % 300}" if i % 4 else None,
            "comment": f"comment number {i * i} é", "note": f"note {i}" if i % 9 else None}


def rows_by_h5py(path):
    """[(i, row)] with the row as cell() gives it."""
    with h5py.File(path) as f:
        keys = [k - 2**60 for k in f["k"][:].tolist()]
        floats = [None if null else v for v, null in zip(f["f"][:].tolist(), table_files.null_mask(f, "f"))]
        equal(f["d"].attrs["calendar"], b"proleptic_gregorian")
        columns = {"n": table_files.integers(f, "n"), "f": floats, "big": table_files.integers(f, "big"),
                   "price": table_files.exact_decimals(f, "price"), "wide": table_files.exact_decimals(f, "wide"),
                   "d": [None if d is None else str(table_files.date(d)) for d in table_files.integers(f, "d")],
                   "ts": [str(v) for v in f["ts"][:].astype("datetime64[us]")],
                   **{name: table_files.words(f, name) for name in ("flag", "word", "comment", "note")}}
    return [(i, dict(zip(columns, row))) for i, row in zip(keys, zip(*columns.values()))]


def compare_xarray(path, engine, first):
    """The cells of a file and their means as xarray gives them."""
    with table_files.open_dataset(path, engine) as dataset:
        cells = [cell(k - 2**60, first) for k in dataset.k.values.tolist()]
        equal((dataset.k.dtype, dataset.big.dtype), (numpy.int64, numpy.int64))
        equal([None if want["big"] is None else v for v, want in zip(dataset.big.values.tolist(), cells)], [c["big"] for c in cells])
        equal(["NaT" if numpy.isnat(v) else str(v)[:10] for v in dataset.d.values], [c["d"] or "NaT" for c in cells])
        equal([str(v.astype("datetime64[us]")) for v in dataset.ts.values], [c["ts"] for c in cells])
        for name in ("n", "f", "price"):
            want = numpy.array([numpy.nan if c[name] is None else float(c[name]) for c in cells])
            numpy.testing.assert_allclose(dataset[name].values, want, rtol=1e-12)
            numpy.testing.assert_allclose(float(dataset[name].mean()), numpy.nanmean(want), rtol=1e-9)


def check_ctas_files(place):
    """What h5py and xarray read from the files of a table is what SQL put there: NULLs and their mean, keys of 2^60, exact
    decimals, dates before 1582, a text column whose dictionaries differ between fragments."""
    first, end = 6000, 8000
    place.rows("CREATE TABLE t AS " + CELLS.format(begin=0, end=first, first=first))
    place.rows("INSERT INTO t " + CELLS.format(begin=first, end=end, first=first))
    equal(place.cluster.tool("tajo", "admin", "-flush").returncode, 0)
    paths = files_of(place, "t")
    if len(paths) < 2:
        raise AssertionError(f"two fragments at least, not {paths}")
    found = {}
    for path in paths:
        found.update(rows_by_h5py(path))
        for engine in table_files.ENGINES:
            compare_xarray(path, engine, first)
    equal(sorted(found), list(range(end)))
    for i, row in found.items():
        equal(row, cell(i, first))
    # and SQL agrees with the tools
    columns = {name: [row[name] for row in found.values() if row[name] is not None] for name in ("price", "wide", "n", "d")}
    equal(place.rows("SELECT sum(price), max(wide), sum(n), count(n), min(d)::text FROM t"),
          [(sum(columns["price"]), max(columns["wide"]), sum(columns["n"]), len(columns["n"]), min(columns["d"]))])


def check_flush_by_itself(place):
    """Nobody asks: the rows are in a file after a minute, a slow machine's time to look and write included."""
    place.rows("CREATE TABLE t (a int4)")
    place.rows("INSERT INTO t VALUES (1), (2), (3)")
    equal(files_of(place, "t"), [])
    end = time.monotonic() + 90
    while not files_of(place, "t"):
        if time.monotonic() > end:
            raise AssertionError("no file after 90 s")
        time.sleep(0.2)
    (path,) = files_of(place, "t")
    with h5py.File(path) as f:
        equal(table_files.integers(f, "a"), [1, 2, 3])
    equal(place.one("SELECT sum(a) FROM t"), 6)


check_flush_by_itself.waits = True   # after the checks that flush all tables


def check_external_csv(place):
    """CSV: a header names the columns, or a column list; a whole directory; CTAS from it."""
    path = place.file("one.csv", 'id,name,price\n1,"a, b",1.5\n2,,2.25\n3,"say ""x""",\n')
    place.rows(f"CREATE EXTERNAL TABLE named USING CSV WITH ('csv.header'='true') LOCATION 'file://{path}'")
    equal(place.rows("SELECT id, name, price::text FROM named ORDER BY id"), [(1, "a, b", "1.5"), (2, None, "2.25"), (3, 'say "x"', None)])
    place.rows(f"CREATE EXTERNAL TABLE listed (id int8, name text, price numeric(8,3)) USING CSV "
               f"WITH ('text.skip.headerlines'='1') LOCATION 'file://{path}'")
    equal(place.rows("SELECT sum(id), count(name), sum(price)::text FROM listed"), [(6, 2, "3.750")])
    place.rows("CREATE TABLE copied AS SELECT id, upper(name) AS name FROM listed WHERE id < 3")
    equal(place.rows("SELECT id, name FROM copied ORDER BY id"), [(1, "A, B"), (2, None)])
    many = place.directory / "many"
    many.mkdir()
    for part in range(3):
        (many / f"{part}.csv").write_text("".join(f"{part},{i}\n" for i in range(1000)))
    place.rows(f"CREATE EXTERNAL TABLE many (part int4, i int4) USING CSV LOCATION 'file://{many}'")
    equal(place.rows("SELECT part, count(*), sum(i) FROM many GROUP BY part ORDER BY part"),
          [(0, 1000, 499500), (1, 1000, 499500), (2, 1000, 499500)])
    empty = place.file("empty.csv", "")
    place.rows(f"CREATE EXTERNAL TABLE empty (a int4) USING CSV LOCATION 'file://{empty}'")
    equal(place.one("SELECT count(*) FROM empty"), 0)


def check_external_text(place):
    """TEXT: Tajo's delimiter and NULL word."""
    path = place.file("rows.txt", "1|one|2020-01-01\n2||\n\\N|three|2021-12-31\n")
    place.rows(f"CREATE EXTERNAL TABLE t (a int4, b text, c date) USING TEXT WITH ('text.delimiter'='|', 'text.null'='\\N') "
               f"LOCATION 'file://{path}'")
    equal(place.rows("SELECT a, b, c::text FROM t ORDER BY a"), [(1, "one", "2020-01-01"), (2, "", None), (None, "three", "2021-12-31")])


def check_external_parquet(place):
    """PARQUET names and types its columns itself; several row groups; CTAS."""
    n = 50_000
    table = pyarrow.table({
        "id": pyarrow.array(range(n), pyarrow.int64()), "small": pyarrow.array([i % 7 if i % 5 else None for i in range(n)], pyarrow.int32()),
        "word": [f"w{i % 50}" if i % 9 else None for i in range(n)], "ratio": pyarrow.array([i / 4 for i in range(n)], pyarrow.float64()),
        "day": pyarrow.array([i % 1000 for i in range(n)], pyarrow.int32()).cast(pyarrow.date32()),
        "flag": [i % 2 == 0 for i in range(n)]})
    path = place.directory / "rows.parquet"
    pyarrow.parquet.write_table(table, path, row_group_size=7000)
    place.rows(f"CREATE EXTERNAL TABLE t USING PARQUET LOCATION 'file://{path}'")
    words = sum(1 for i in range(n) if i % 9)
    small = sum(i % 7 for i in range(n) if i % 5)
    equal(place.rows("SELECT count(*), sum(id), count(word), sum(small), sum(ratio), max(day)::text, sum(CASE WHEN flag THEN 1 ELSE 0 END) FROM t"),
          [(n, n * (n - 1) // 2, words, small, n * (n - 1) / 8, "1972-09-26", n // 2)])
    place.rows("CREATE TABLE copied AS SELECT id, word FROM t WHERE small = 3")
    equal(place.one("SELECT count(*) FROM copied"), place.one("SELECT count(*) FROM t WHERE small = 3"))
    equal(place.rows("SELECT c.id, t.ratio FROM copied c JOIN t ON c.id = t.id ORDER BY c.id LIMIT 1"), [(3, 0.75)])


def check_external_hdf5(place):
    """HDF5 made by h5py: 1-D datasets of a group, and the fields of a compound; CTAS."""
    n = 20_000
    path = place.directory / "run.h5"
    with h5py.File(path, "w") as f:
        group = f.create_group("run")
        group["step"] = numpy.arange(n, dtype="i8")
        group["energy"] = numpy.arange(n, dtype="f8") / 2
        group["kind"] = numpy.array([b"even", b"odd"] * (n // 2), dtype="S4")
        group.create_dataset("label", data=[f"l{i % 3}" for i in range(n)], dtype=h5py.string_dtype())
        group["grid"] = numpy.zeros((4, 4))
        particles = numpy.zeros(100, dtype=[("id", "i4"), ("mass", "f4"), ("charge", "i1")])
        particles["id"], particles["mass"], particles["charge"] = numpy.arange(100), 0.5, numpy.arange(100) % 3 - 1
        f["particles"] = particles
    place.rows(f"CREATE EXTERNAL TABLE run USING HDF5 WITH ('hdf5.group'='/run') LOCATION 'file://{path}'")
    equal(place.rows("SELECT count(*), sum(step), sum(energy), count(DISTINCT label) FROM run"),
          [(n, n * (n - 1) // 2, n * (n - 1) / 4, 3)])
    equal(place.rows("SELECT kind, label, count(*) FROM run WHERE step < 6 GROUP BY kind, label ORDER BY kind, label"),
          [(k, f"l{i}", 1) for k in ("even", "odd") for i in range(3)])
    place.rows(f"CREATE EXTERNAL TABLE particles USING HDF5 WITH ('hdf5.group'='/particles') LOCATION 'file://{path}'")
    equal(place.rows("SELECT charge, count(*), sum(mass) FROM particles GROUP BY charge ORDER BY charge"),
          [(-1, 34, 17.0), (0, 33, 16.5), (1, 33, 16.5)])
    place.rows("CREATE TABLE copied AS SELECT r.step, p.mass FROM run r JOIN particles p ON r.step = p.id")
    equal(place.rows("SELECT count(*), max(step) FROM copied"), [(100, 99)])


def check_damaged_orc(place):
    good = place.directory / "good.orc"
    pyarrow.orc.write_table(pyarrow.table({"a": list(range(200_000)), "b": [f"word {i * 7919 % 100003}" for i in range(200_000)]}), good,
                            stripe_size=200_000, compression="zlib")
    footer = pyarrow.orc.ORCFile(good)
    assert footer.nstripes > 2
    body = good.read_bytes()
    for name, part in (("cut", body[:len(body) // 2]), ("tail", body[:-1]), ("empty", b"")):
        cut = place.file(f"{name}.orc", part)
        with fails("XX001", cut):
            place.rows(f"CREATE EXTERNAL TABLE {name}_orc USING ORC LOCATION 'file://{cut}'")
    rotten = bytearray(body)  # the footer stays whole: only reading the rows can tell
    for at in range(3, footer.content_length, 97):
        rotten[at] ^= 0xFF
    spot = place.file("rotten.orc", bytes(rotten))
    place.rows(f"CREATE EXTERNAL TABLE rotten_orc USING ORC LOCATION 'file://{spot}'")
    with fails("XX001", spot, "stripe 0"):
        place.rows("CREATE TABLE half AS SELECT a, b FROM rotten_orc")
    with fails("42P01"):
        place.rows("SELECT * FROM half")
    # one column of one stripe: what does not need it is read
    stripe = bytearray(body)
    middle = footer.content_length * 5 // 8  # texts are the larger part of a stripe by far
    stripe[middle:middle + 400] = bytes(b ^ 0xFF for b in stripe[middle:middle + 400])
    spot = place.file("spot.orc", bytes(stripe))
    place.rows(f"CREATE EXTERNAL TABLE spot_orc USING ORC LOCATION 'file://{spot}'")
    with fails("XX001", spot, "stripe ", "column \"b\""):
        place.rows("SELECT count(a), max(b) FROM spot_orc")
    equal(place.one("SELECT sum(a) FROM spot_orc"), 200_000 * 199_999 // 2)


def check_damaged_files(place):
    """A damaged file gives an error that names it and the place in it; the cluster lives on, and no half table is left."""
    good = place.directory / "good.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"a": list(range(20_000)), "b": [f"word {i}" for i in range(20_000)]}), good, row_group_size=5000)
    body = bytearray(good.read_bytes())
    cut = place.file("cut.parquet", bytes(body[:len(body) // 2]))
    with fails("XX001", cut):
        place.rows(f"CREATE EXTERNAL TABLE cut USING PARQUET LOCATION 'file://{cut}'")
    for at in range(200, len(body) // 2, 97):  # the footer stays whole: only reading the rows can tell
        body[at] ^= 0xFF
    rotten = place.file("rotten.parquet", bytes(body))
    place.rows(f"CREATE EXTERNAL TABLE rotten USING PARQUET LOCATION 'file://{rotten}'")
    with fails("XX001", rotten, "row group 0, column \"a\""):
        place.rows("CREATE TABLE half AS SELECT a, b FROM rotten")
    with fails("42P01"):
        place.rows("SELECT * FROM half")

    body = bytearray(good.read_bytes())
    page = pyarrow.parquet.ParquetFile(good).metadata.row_group(2).column(1).data_page_offset
    body[page:page + 400] = bytes(b ^ 0xFF for b in body[page:page + 400])
    spot = place.file("spot.parquet", bytes(body))
    place.rows(f"CREATE EXTERNAL TABLE spot USING PARQUET LOCATION 'file://{spot}'")
    with fails("XX001", spot, "row group 2, column \"b\""):
        place.rows("SELECT count(a), max(b) FROM spot")
    equal(place.one("SELECT sum(a) FROM spot"), 20_000 * 19_999 // 2)

    check_damaged_orc(place)

    h5 = place.directory / "good.h5"
    with h5py.File(h5, "w") as f:
        f.create_dataset("a", data=numpy.arange(100_000), chunks=(1000,), compression="gzip")
        f.create_dataset("b", data=numpy.arange(100_000), chunks=(1000,), compression="gzip")
        chunk = f["b"].id.get_chunk_info(50)
    body = bytearray(h5.read_bytes())
    cut = place.file("cut.h5", bytes(body[:len(body) // 2]))
    with fails("XX001", cut):
        place.rows(f"CREATE EXTERNAL TABLE cut USING HDF5 LOCATION 'file://{cut}'")
        place.rows("SELECT sum(a) FROM cut")
    body[chunk.byte_offset:chunk.byte_offset + chunk.size] = bytes(chunk.size)
    spot = place.file("spot.h5", bytes(body))
    place.rows(f"CREATE EXTERNAL TABLE spot_h5 USING HDF5 LOCATION 'file://{spot}'")
    with fails("XX001", spot, "dataset \"/b\""):
        place.rows("SELECT sum(b) FROM spot_h5")
    equal(place.one("SELECT sum(a) FROM spot_h5"), 100_000 * 99_999 // 2)
    with fails("XX001", place.file("text.h5", "no HDF5 file")):
        place.rows(f"CREATE EXTERNAL TABLE text USING HDF5 LOCATION 'file://{place.directory}/text.h5'")

    bad = place.file("bad.csv", "1,x\ntwo,y\n")
    place.rows(f"CREATE EXTERNAL TABLE bad (a int4, b text) USING CSV LOCATION 'file://{bad}'")
    with fails("22P02", bad, "line 2"):
        place.rows("SELECT a FROM bad")
    gone = place.file("gone.csv", "1\n")
    place.rows(f"CREATE EXTERNAL TABLE gone (a int4) USING CSV LOCATION 'file://{gone}'")
    gone.unlink()
    with fails("58P01", gone):
        place.rows("SELECT a FROM gone")
    equal(place.one("SELECT 1"), 1)
    equal(len(place.cluster.members()), place.cluster.masters + place.cluster.workers)


def check_table_options(place):
    """An option nobody reads is an error that names the nearest."""
    path = place.file("rows.csv", "1\n")
    with fails("22023", "text.delimiter"):
        place.rows(f"CREATE EXTERNAL TABLE o (a int4) USING CSV WITH ('text.delimeter'='|') LOCATION 'file://{path}'")
    with fails("22023", "hdf5.group"):
        place.rows(f"CREATE EXTERNAL TABLE o USING HDF5 WITH ('hdf5.grup'='/x') LOCATION 'file://{path}'")
