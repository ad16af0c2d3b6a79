"""Reading a table's HDF5 files as docs/hdf5.md says: the recipes of that page, for the tests that prove them."""
from decimal import Decimal, getcontext

import numpy as np
import xarray as xr

ENGINES = ("h5netcdf", "netcdf4")


def null_mask(file, name):
    """True where the column is NULL; of a text column without a dictionary the name is "_text/NAME"."""
    column, rows = file[name], int(file["_tajo"].attrs["rows"])
    if "tajo_null" in column.attrs:
        return column[:] == column.attrs["tajo_null"]
    if "tajo_validity" in column.attrs:
        return np.unpackbits(file[column.attrs["tajo_validity"]][:], bitorder="little")[:rows] == 0
    return np.zeros(rows, bool)


def integers(file, name):
    """Python's integers, None where NULL."""
    return [None if null else int(v) for v, null in zip(file[name][:], null_mask(file, name))]


def exact_decimals(file, name):
    """Python's decimals round to 28 digits unless told otherwise."""
    getcontext().prec = 38
    column = file[name]
    scale = int(column.attrs["tajo_type"].rstrip(")").split(",")[1])
    wide = column.dtype.names is not None
    values = [(int(v["hi"]) << 64) + int(v["lo"]) if wide else int(v) for v in column[:]]
    return [None if null else Decimal(v).scaleb(-scale) for v, null in zip(values, null_mask(file, name))]


def texts(file, path):
    offsets, text = file[path]["offsets"][:], file[path]["bytes"][:].tobytes()
    return [text[a:b].decode() for a, b in zip(offsets, offsets[1:])]


def words(file, name):
    """A text column, with or without a dictionary."""
    if "_dict/" + name in file:
        all_words = texts(file, "_dict/" + name)
        return [None if null else all_words[code] for code, null in zip(file[name][:], null_mask(file, name))]
    path = "_text/" + name
    return [None if null else text for text, null in zip(texts(file, path), null_mask(file, path))]


def date(days):
    """Days since 1970 as numpy has them: also before 1582, proleptic Gregorian."""
    return np.datetime64(int(days), "D")


def open_dataset(path, engine):
    """xarray's finer default does not reach 1422, and its way out (cftime) knows no NULL."""
    return xr.open_dataset(path, engine=engine, decode_times=xr.coders.CFDatetimeCoder(time_unit="us"))
