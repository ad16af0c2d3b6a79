#include "hdf5/layout.hpp"

#include <cmath>
#include <cstdio>

#include "hdf5/attributes.hpp"
#include "hdf5/library.hpp"

namespace tajo::storage::hdf5 {
namespace {

constexpr hsize_t kAlignment = 4096;
constexpr hsize_t kAlignFrom = 512;  // smaller datasets lie where they fall, readers copy them
constexpr hsize_t kMetadataBlock = 8192;
constexpr std::size_t kMaxEnumNames = 256;
constexpr std::size_t kMaxEnumBytes = 8192;  // the library refuses an object header message of 64 KiB
constexpr std::int64_t kExactInDouble = std::int64_t{1} << 53;

const char* what() { return "laying out a table file"; }

hid_t stored_type(data::Stored stored) {
  switch (stored) {
    case data::Stored::kI8: return H5T_STD_I8LE;
    case data::Stored::kU8: return H5T_STD_U8LE;
    case data::Stored::kI16: return H5T_STD_I16LE;
    case data::Stored::kU16: return H5T_STD_U16LE;
    case data::Stored::kI32: return H5T_STD_I32LE;
    case data::Stored::kU32: return H5T_STD_U32LE;
    case data::Stored::kI64: return H5T_STD_I64LE;
    case data::Stored::kF32: return H5T_IEEE_F32LE;
    case data::Stored::kF64: return H5T_IEEE_F64LE;
    case data::Stored::kI128: break;
  }
  return -1;
}

/// 128-bit integers as {lo, hi}, intervals as {micros, days, months}: both as they lie in memory.
Id wide_type(const data::Type& type) {
  Id t = checked(H5Tcreate(H5T_COMPOUND, 16), H5Tclose, what());
  if (type.id == data::TypeId::kInterval) {
    check(H5Tinsert(t, "micros", 0, H5T_STD_I64LE), what());
    check(H5Tinsert(t, "days", 8, H5T_STD_I32LE), what());
    check(H5Tinsert(t, "months", 12, H5T_STD_I32LE), what());
  } else {
    check(H5Tinsert(t, "lo", 0, H5T_STD_U64LE), what());
    check(H5Tinsert(t, "hi", 8, H5T_STD_I64LE), what());
  }
  return t;
}

Id dataset(hid_t group, const std::string& name, hid_t type, std::uint64_t rows) {
  hsize_t extent = rows;
  Id space = checked(H5Screate_simple(1, &extent, nullptr), H5Sclose, what());
  Id create = checked(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, what());
  check(H5Pset_layout(create, H5D_CONTIGUOUS), what());
  check(H5Pset_alloc_time(create, H5D_ALLOC_TIME_EARLY), what());
  check(H5Pset_fill_time(create, H5D_FILL_TIME_NEVER), what());
  return checked(H5Dcreate2(group, name.c_str(), type, space, H5P_DEFAULT, create, H5P_DEFAULT), H5Dclose, what());
}

std::uint64_t offset_of(hid_t dataset) {
  haddr_t offset = H5Dget_offset(dataset);
  return offset == HADDR_UNDEF ? 0 : offset;
}

Extent byte_dataset(hid_t group, const std::string& name, std::uint64_t bytes) {
  Id d = dataset(group, name, H5T_STD_U8LE, bytes);
  return {offset_of(d), bytes};
}

Extent offsets_dataset(hid_t group, const std::string& name, std::uint64_t count, bool wide) {
  Id d = dataset(group, name, wide ? H5T_STD_U64LE : H5T_STD_U32LE, count);
  return {offset_of(d), count * (wide ? 8 : 4)};
}

/// Creation order is what netCDF-4 lists variables by, and it wants an enum before the variable that uses it.
Id make_group(hid_t parent, const std::string& name) {
  Id create = checked(H5Pcreate(H5P_GROUP_CREATE), H5Pclose, what());
  check(H5Pset_link_creation_order(create, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED), what());
  return checked(H5Gcreate2(parent, name.c_str(), H5P_DEFAULT, create, H5P_DEFAULT), H5Gclose, what());
}

struct Groups {
  Id dictionaries, texts, validities;
  hid_t get(Id& group, hid_t root, const char* name) {
    if (group < 0) group = make_group(root, name);
    return group;
  }
};

void describe(hid_t d, const TocColumn& c, hid_t file_type) {
  string_attribute(d, "tajo_type", data::type_name(c.type));
  string_attribute(d, "tajo_name", c.name);
  if (c.not_null) int_attribute(d, "tajo_not_null", 1);
  bool integer = c.stored != data::Stored::kF32 && c.stored != data::Stored::kF64 && c.stored != data::Stored::kI128;
  if (c.has_null_value) {
    int_attribute(d, "tajo_null", c.null_value);
    // A tool that meets _FillValue turns the column into float64, which would silently round large int64 values.
    bool exact = c.stored != data::Stored::kI64;
    if (!exact) {
      const auto* lo = std::get_if<std::int64_t>(&c.statistics.min);
      const auto* hi = std::get_if<std::int64_t>(&c.statistics.max);
      exact = lo == nullptr || hi == nullptr || (*lo >= -kExactInDouble && *hi <= kExactInDouble);
    }
    if (exact) typed_int_attribute(d, "_FillValue", file_type, c.null_value);
  }
  if (c.valid.bytes > 0) string_attribute(d, "tajo_validity", "/_valid/" + dataset_name(c.name));
  if (c.encoding == Encoding::kDictionary) string_attribute(d, "tajo_dictionary", "/_dict/" + dataset_name(c.name));
  if (!integer) return;
  switch (c.type.id) {
    case data::TypeId::kDecimal:
      if (c.type.scale > 0) double_attribute(d, "scale_factor", std::pow(10.0, -static_cast<int>(c.type.scale)));
      break;
    case data::TypeId::kDate:
      text_attribute(d, "units", "days since 1970-01-01");
      text_attribute(d, "calendar", "proleptic_gregorian");
      break;
    case data::TypeId::kTimestamp:
    case data::TypeId::kTimestampTz:
      text_attribute(d, "units", "microseconds since 1970-01-01");
      text_attribute(d, "calendar", "proleptic_gregorian");
      break;
    default: break;
  }
}

/// The dimension all columns share, as netCDF-4 writes one that has no values: a dataset that is never allocated.
Id make_row_dimension(hid_t root, const Toc& toc) {
  std::string name = "row";
  auto taken = [&](const std::string& n) {
    for (const TocColumn& c : toc.columns)
      if (dataset_name(c.name) == n) return true;
    return false;
  };
  while (taken(name)) name += '_';
  hsize_t rows = toc.rows;
  Id space = checked(H5Screate_simple(1, &rows, nullptr), H5Sclose, what());
  Id d = checked(H5Dcreate2(root, name.c_str(), H5T_IEEE_F32BE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Dclose,
                 what());
  char text[96];
  std::snprintf(text, sizeof text, "This is a netCDF dimension but not a netCDF variable.%10llu",
                static_cast<unsigned long long>(toc.rows));
  text_attribute(d, "CLASS", "DIMENSION_SCALE");
  text_attribute(d, "NAME", text);
  int32_attribute(d, "_Netcdf4Dimid", 0);
  return d;
}

void add_column(hid_t root, Groups& groups, TocColumn& c, std::uint64_t rows, const std::vector<std::string>& names,
                hid_t dimension, std::vector<hobj_ref_t>& references) {
  std::string name = dataset_name(c.name);
  if (c.encoding == Encoding::kText) {
    Id group = make_group(groups.get(groups.texts, root, "_text"), name);
    string_attribute(group, "tajo_type", data::type_name(c.type));
    string_attribute(group, "tajo_name", c.name);
    if (c.not_null) int_attribute(group, "tajo_not_null", 1);
    if (c.valid.bytes > 0) string_attribute(group, "tajo_validity", "/_valid/" + name);
    c.offsets = offsets_dataset(group, "offsets", rows + 1, c.wide_offsets);
    c.text = byte_dataset(group, "bytes", c.text.bytes);
  } else {
    Id own;
    hid_t type = -1;
    if (!names.empty()) {
      own = checked(H5Tenum_create(stored_type(c.stored)), H5Tclose, what());
      for (std::size_t i = 0; i < names.size(); ++i) {
        // The member's value in the enum's own width; little-endian, so the low bytes of the index.
        std::uint32_t value = static_cast<std::uint32_t>(i);
        check(H5Tenum_insert(own, names[i].c_str(), &value), what());
      }
      check(H5Tcommit2(root, ("_enum_" + name).c_str(), own, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), what());
      type = own;
    } else if (c.stored == data::Stored::kI128) {
      own = wide_type(c.type);
      type = own;
    } else {
      type = stored_type(c.stored);
    }
    Id d = dataset(root, name, type, rows);
    c.values = {offset_of(d), rows * data::stored_width(c.stored)};
    describe(d, c, type);
    attach_dimension(d, dimension);
    hobj_ref_t reference;
    check(H5Rcreate(&reference, root, name.c_str(), H5R_OBJECT, -1), what());
    references.push_back(reference);
  }
  if (c.encoding == Encoding::kDictionary) {
    Id group = make_group(groups.get(groups.dictionaries, root, "_dict"), name);
    c.dictionary_offsets = offsets_dataset(group, "offsets", std::uint64_t{c.words} + 1, false);
    c.dictionary_bytes = byte_dataset(group, "bytes", c.dictionary_bytes.bytes);
  }
  if (c.valid.bytes > 0) {
    hid_t group = groups.get(groups.validities, root, "_valid");
    c.valid = byte_dataset(group, name, c.valid.bytes);
  }
}

std::string schema_text(const Toc& toc) {
  std::string text;
  for (const TocColumn& c : toc.columns) {
    text += c.name + '\t' + data::type_name(c.type) + (c.not_null ? "\tNOT NULL" : "") + '\n';
  }
  return text;
}

}  // namespace

std::string dataset_name(const std::string& column) {
  std::string out;
  for (char c : column) {
    if (c == '/' || c == '%' || c == '\0') {
      char hex[4];
      std::snprintf(hex, sizeof hex, "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += hex;
    } else {
      out += c;
    }
  }
  bool reserved = out == "." || out == "_valid" || out == "_dict" || out == "_text" || out == "_tajo" ||
                  out.starts_with("_enum_");
  if (reserved) out = (out[0] == '.' ? "%2E" : "%5F") + out.substr(1);
  return out;
}

bool fits_enum(const std::vector<std::string_view>& words) {
  if (words.empty() || words.size() > kMaxEnumNames) return false;
  std::size_t bytes = 0;
  for (std::string_view w : words) {
    if (w.empty()) return false;
    for (char c : w)
      if (static_cast<unsigned char>(c) < 0x20) return false;
    bytes += w.size() + 1;
  }
  return bytes <= kMaxEnumBytes;
}

FileImage lay_out(LayoutRequest& request, std::uint64_t toc_bytes, std::uint64_t& toc_offset) {
  FileImage image;
  LibraryLock lock;
  Id access = checked(make_memory_access(&image), H5Pclose, what());
  check(H5Pset_alignment(access, kAlignFrom, kAlignment), what());
  check(H5Pset_meta_block_size(access, kMetadataBlock), what());
  check(H5Pset_small_data_block_size(access, 0), what());
  Id create = checked(H5Pcreate(H5P_FILE_CREATE), H5Pclose, what());
  check(H5Pset_link_creation_order(create, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED), what());
  Id file = checked(H5Fcreate("tajo", H5F_ACC_TRUNC, create, access), H5Fclose, what());
  {
    Toc& toc = request.toc;
    Id root = checked(H5Gopen2(file, "/", H5P_DEFAULT), H5Gclose, what());
    text_attribute(root, "Conventions", "CF-1.8");
    Id dimension = make_row_dimension(root, toc);
    Groups groups;
    std::vector<hobj_ref_t> references;
    for (std::size_t i = 0; i < toc.columns.size(); ++i)
      add_column(root, groups, toc.columns[i], toc.rows, request.enum_names[i], dimension, references);
    list_references(dimension, references);
    Id own = make_group(root, "_tajo");
    int_attribute(own, "format", 1);
    int_attribute(own, "rows", static_cast<std::int64_t>(toc.rows));
    int_attribute(own, "block_rows", data::kBlockRows);
    std::string schema = schema_text(toc);
    Id schema_dataset = dataset(own, "schema", H5T_STD_U8LE, schema.size());
    check(H5Dwrite(schema_dataset, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, schema.data()), what());
    toc_offset = byte_dataset(own, "toc", toc_bytes).offset;
  }
  file.close(what());
  return image;
}

}  // namespace tajo::storage::hdf5
